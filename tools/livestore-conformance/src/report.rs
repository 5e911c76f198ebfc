use std::fmt;

/// What a check of one point gives back: nothing, or why it was missed.
pub type Check = Result<(), Miss>;

/// Why a point was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The subject does not do what is demanded.
    Failed(String),
    /// The subject declares that it cannot do this at all.
    NotApplicable(String),
}

impl Miss {
    pub(crate) fn not_applicable(reason: &str) -> Self {
        Self::NotApplicable(reason.to_owned())
    }
}

impl<E: std::error::Error> From<E> for Miss {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// How one point ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not, and what was seen.
    Failed(String),
    /// The subject declares that it does not apply, and why.
    NotApplicable(String),
}

/// One point of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name: the name of the function that checks it.
    pub name: &'static str,
    /// What it demands, in a sentence.
    pub demand: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// What a suite found: every point with its verdict. Its display is one line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a report says what failed; assert it"]
pub struct Report {
    /// The points, in the order of the suite.
    pub entries: Vec<Entry>,
}

impl Report {
    /// Asserts that no point failed.
    ///
    /// # Panics
    /// One did; the message is the whole report.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.names_failed().is_empty(), "not conformant:\n{self}");
    }

    /// The points that failed.
    #[must_use]
    pub fn names_failed(&self) -> Vec<&'static str> {
        self.names(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// The points that the subject declares not applicable.
    #[must_use]
    pub fn names_not_applicable(&self) -> Vec<&'static str> {
        self.names(|verdict| matches!(verdict, Verdict::NotApplicable(_)))
    }

    /// The points that passed.
    #[must_use]
    pub fn names_passed(&self) -> Vec<&'static str> {
        self.names(|verdict| matches!(verdict, Verdict::Passed))
    }

    fn names(&self, is_wanted: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        self.entries.iter().filter(|entry| is_wanted(&entry.verdict)).map(|entry| entry.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| entry.fmt(f))
    }
}

/// A line.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, demand, verdict } = self;
        match verdict {
            Verdict::Passed => writeln!(f, "passed          {name}: {demand}"),
            Verdict::Failed(seen) => writeln!(f, "FAILED          {name}: {demand}\n                {seen}"),
            Verdict::NotApplicable(why) => writeln!(f, "not applicable  {name}: {demand} ({why})"),
        }
    }
}
