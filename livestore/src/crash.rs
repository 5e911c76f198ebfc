//! Named points at which a test kills the process.

/// Aborts the process here when a test asked for it; nothing at all in a build for users.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(any(test, feature = "crash-points"))]
        $crate::crash::reach($name);
    };
}
pub(crate) use crash_point;

/// Aborts at the n-th passage of the point that `LIVESTORE_CRASH_POINT=name[:n]` names.
#[cfg(any(test, feature = "crash-points"))]
pub(crate) fn reach(name: &str) {
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
    if let Some((wanted, nth)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        std::process::abort();
    }
}
