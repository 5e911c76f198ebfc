//! A timer that is set once for many deadlines.

use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How late it may be.
const LATE: Duration = Duration::from_millis(1);

/// Waits for a moment that is put off all the time. The timer is moved only when the moment comes nearer, or when it rings: so it may
/// ring early, and who hears it looks at the time.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Waits until `at`, or less. May be dropped while it waits.
    pub(super) async fn wait(&mut self, at: Instant) {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.is_elapsed() || at + LATE < sleep.deadline() {
            sleep.as_mut().reset(at);
        }
        sleep.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test(start_paused = true)]
    async fn it_rings_no_later_than_it_was_told_last() {
        let (begin, mut alarm) = (Instant::now(), Alarm::default());
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert!(alarm.wait(after(60)).now_or_never().is_none());
        assert!(alarm.wait(after(10)).now_or_never().is_none(), "nearer");
        assert!(alarm.wait(after(70)).now_or_never().is_none(), "put off");
        alarm.wait(after(70)).await;
        assert!(begin.elapsed() < Duration::from_secs(11), "early, as the timer was not moved");
        alarm.wait(after(70)).await;
        assert!((69..72).contains(&begin.elapsed().as_secs()), "then at its time");
    }
}
