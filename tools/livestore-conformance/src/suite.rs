//! How points are declared and run.

use crate::report::{Check, Entry, Miss, Report, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for. Long enough for a loaded machine: it is a bound, and nothing is measured by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One point of a suite for subjects `S`.
pub(crate) struct Point<S> {
    pub(crate) name: &'static str,
    pub(crate) demand: &'static str,
    pub(crate) check: fn(&S) -> Check,
}

/// Checks the points, and tells of each as it ends.
pub(crate) fn run<S>(subject: &S, points: Vec<Point<S>>, tell: impl Fn(&Entry)) -> Report {
    let entries = points.into_iter().map(|point| {
        let verdict = match catch_unwind(AssertUnwindSafe(|| (point.check)(subject))) {
            Ok(Ok(())) => Verdict::Passed,
            Ok(Err(Miss::Failed(seen))) => Verdict::Failed(seen),
            Ok(Err(Miss::NotApplicable(why))) => Verdict::NotApplicable(why),
            Err(_) => Verdict::Failed("it panicked".to_owned()),
        };
        let entry = Entry { name: point.name, demand: point.demand.trim(), verdict };
        tell(&entry);
        entry
    });
    Report { entries: entries.collect() }
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Result<Option<T>, Miss>) -> Result<T, Miss> {
    until_within(PATIENCE, what, ask)
}

/// The same with a bound of one's own.
pub(crate) fn until_within<T>(
    longest: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<Option<T>, Miss>,
) -> Result<T, Miss> {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(Miss::Failed(format!("{what} did not come within {longest:?}")));
        }
        std::thread::sleep(Duration::from_millis(1)); // Between two questions.
    }
}

/// Misses the point where something does not hold.
macro_rules! demand {
    ($holds:expr, $($seen:tt)+) => {
        if !$holds {
            return Err($crate::Miss::Failed(format!($($seen)+)));
        }
    };
}

/// Declares points: for each a public function with its demand as documentation, and `run` for all of them.
macro_rules! points {
    ($subject:ident; $(#[doc = $demand:literal] fn $name:ident($s:ident) $body:block)*) => {
        $(
            #[doc = $demand]
            ///
            /// # Errors
            /// It does not hold, or does not apply.
            pub fn $name<S: $subject>($s: &S) -> $crate::Check $body
        )*

        pub(crate) fn points<S: $subject>() -> Vec<$crate::suite::Point<S>> {
            vec![$($crate::suite::Point { name: stringify!($name), demand: $demand, check: $name::<S> }),*]
        }

        /// Checks these points alone.
        pub fn run<S: $subject>(subject: &S) -> $crate::Report {
            $crate::suite::run(subject, points(), |entry| subject.ended(entry))
        }
    };
}

pub(crate) use {demand, points};
