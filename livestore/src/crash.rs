//! What tests may ask of a build with the `crash-points` feature: named points at which the process aborts, smaller pages,
//! state read in the reverse order, and disks that fail. Without the feature none of it is there.

mod files;

#[cfg(not(feature = "crash-points"))]
pub(crate) use files::FileOp;
#[cfg(feature = "crash-points")]
pub use files::{FileAnswer, FileFaults, FileOp, with_files};
pub(crate) use files::{file_point, write_all};

/// Aborts the process here when a test asked for it; nothing at all in a build for users. With a second argument, that is
/// done first: the half of a step that a crash may leave behind.
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash::crash_point!($name, ())
    };
    ($name:literal, $half:expr) => {
        #[cfg(any(test, feature = "crash-points"))]
        if $crate::crash::is_reached($name) {
            let _ = $half;
            $crate::crash::end();
        }
    };
}
pub(crate) use crash_point;

/// Whether this is the n-th passage of the point that `LIVESTORE_CRASH_POINT=name[:n]` names.
#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn is_reached(name: &str) -> bool {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let wanted = std::env::var("LIVESTORE_CRASH_POINT").ok()?;
        Some(match wanted.split_once(':') {
            Some((name, nth)) => (name.to_owned(), nth.parse().unwrap_or(1)),
            None => (wanted, 1),
        })
    });
    is_counted_down()
        || wanted
            .as_ref()
            .is_some_and(|(wanted, nth)| wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth)
}

#[cfg(any(test, feature = "crash-points"))]
thread_local!(static COUNTDOWN: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) });

#[cfg(any(test, feature = "crash-points"))]
fn is_counted_down() -> bool {
    let left = COUNTDOWN.get();
    COUNTDOWN.set(left.map(|left| left.saturating_sub(1)));
    left == Some(1)
}

/// Ends what runs here: the process; or, where this thread counted down, the calls up to whoever counts.
#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn end() -> ! {
    match COUNTDOWN.get() {
        // The hook is not called: it is no panic.
        Some(0) => std::panic::resume_unwind(Box::new("a crash point".to_owned())),
        _ => std::process::abort(),
    }
}

/// The crash point after so many more on this thread unwinds from where it is, as if the process ended there: whoever asked for it
/// abandons the store then. Gives back how many were left; 0 says that it happened.
#[cfg(feature = "crash-points")]
pub fn unwind_at(point: Option<u64>) -> Option<u64> {
    COUNTDOWN.replace(point)
}

#[cfg(any(test, feature = "crash-points"))]
thread_local!(static TUNED: std::cell::RefCell<std::collections::BTreeMap<String, u64>> = std::cell::RefCell::default());

/// What `LIVESTORE_TEST_<NAME>` would say, for what this thread opens.
#[cfg(feature = "crash-points")]
pub fn tune(name: &str, value: u64) {
    TUNED.with_borrow_mut(|tuned| tuned.insert(name.to_owned(), value));
}

/// A bound or a pace, or what `LIVESTORE_TEST_<NAME>` says where tests may ask: so that a short history crosses it.
#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn tunable(name: &str, default: u64) -> u64 {
    if let Some(value) = TUNED.with_borrow(|tuned| tuned.get(name).copied()) {
        return value;
    }
    let asked = std::env::var(format!("LIVESTORE_TEST_{name}"));
    asked.ok().and_then(|asked| asked.parse().ok()).unwrap_or(default)
}

#[cfg(not(any(test, feature = "crash-points")))]
pub(crate) const fn tunable(_: &str, default: u64) -> u64 {
    default
}

#[cfg(any(test, feature = "crash-points"))]
thread_local!(static REVERSED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });

/// Whether state that this thread opens gives rows that nobody ordered in the reverse order.
#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn is_reversed() -> bool {
    REVERSED.with(std::cell::Cell::get)
}

/// While the closure runs, state that this thread opens gives rows that nobody ordered in the reverse order. A
/// materializer whose writes then differ depends on an order that SQLite does not promise.
#[cfg(feature = "crash-points")]
pub fn with_reversed_reads<T>(open: impl FnOnce() -> T) -> T {
    let outer = REVERSED.with(|flag| flag.replace(true));
    let opened = open();
    REVERSED.with(|flag| flag.set(outer));
    opened
}

#[cfg(feature = "crash-points")]
thread_local!(static SEED: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) });

/// Ids that this thread mints follow from the seed; from entropy again without one. A history can be run again, frame by frame.
#[cfg(feature = "crash-points")]
pub fn seed_ids(seed: Option<u64>) {
    SEED.set(seed);
}

/// SplitMix64 from the seed of this thread, if it has one.
#[cfg(feature = "crash-points")]
pub(crate) fn seeded(len: usize) -> Option<Vec<u8>> {
    let mut state = SEED.get()?;
    let next = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 56) as u8
    };
    let bytes = (0..len).map(next).collect();
    SEED.set(Some(state));
    Some(bytes)
}

/// The VFS through which SQLite files below a directory are opened.
#[cfg(any(test, feature = "crash-points"))]
static VFS: std::sync::Mutex<std::collections::BTreeMap<std::path::PathBuf, String>> =
    std::sync::Mutex::new(std::collections::BTreeMap::new());

#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn vfs_of(path: &std::path::Path) -> Option<String> {
    let known = VFS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.iter().find(|(directory, _)| path.starts_with(directory)).map(|(_, name)| name.clone())
}

/// While the closure runs, SQLite files below the directory are opened through the registered VFS of this name, by every
/// thread. Store and sessions must be gone when it ends.
#[cfg(feature = "crash-points")]
pub fn with_vfs<T>(directory: &std::path::Path, name: &str, run: impl FnOnce() -> T) -> T {
    let known = || VFS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known().insert(directory.to_owned(), name.to_owned());
    let done = run();
    known().remove(directory);
    done
}

#[cfg(test)]
thread_local!(static STEP_CODE: std::cell::Cell<Option<std::ffi::c_int>> = const { std::cell::Cell::new(None) });

/// The code with which the statements of this thread's materializers fail.
#[cfg(test)]
pub(crate) fn step_code() -> Option<std::ffi::c_int> {
    STEP_CODE.get()
}

/// From here on this thread's materializers' statements fail with this code.
#[cfg(test)]
pub(crate) fn set_step_code(code: Option<std::ffi::c_int>) {
    STEP_CODE.set(code);
}
