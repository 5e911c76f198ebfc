use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What this process has spent on a processor, all threads together.
#[must_use]
pub fn process_cpu() -> Duration {
    now(ClockId::ProcessCPUTime)
}

/// What this thread has spent on a processor.
#[must_use]
pub fn thread_cpu() -> Duration {
    now(ClockId::ThreadCPUTime)
}

/// The seconds that `work` takes on the clock.
pub fn cpu_of(clock: fn() -> Duration, work: impl FnOnce()) -> f64 {
    let start = clock();
    work();
    (clock() - start).as_secs_f64()
}
