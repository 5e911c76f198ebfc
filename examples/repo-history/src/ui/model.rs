use crate::queries::Found;
use crate::schema::{Author, File, Month, Repository};
use std::sync::Arc;

/// The longest list that is shown; who looks for more narrows the search.
pub(super) const LIST_MAX: u32 = 500;

/// What is on the screen: values of the live queries, and where the user is.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) repository: Arc<Option<Repository>>,
    pub(super) authors: Arc<Vec<Author>>,
    pub(super) files: Arc<Vec<File>>,
    pub(super) months: Arc<Vec<Month>>,
    /// How many authors and files there are.
    pub(super) counts: Arc<(i64, i64)>,
    pub(super) found: Arc<Vec<Found>>,
    pub(super) tab: Tab,
    pub(super) search: String,
    /// Keys go into the search field.
    pub(super) is_typing: bool,
    /// The selected row of each tab's list.
    pub(super) selected: [usize; Tab::ALL.len()],
    /// Rows that fit, as drawn last: how far a page is.
    pub(super) page_rows: usize,
    /// What the last refresh says.
    pub(super) status: Option<String>,
}

/// The parts of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Overview,
    Commits,
    Authors,
    Files,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Overview, Self::Commits, Self::Authors, Self::Files];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Commits => "Commits",
            Self::Authors => "Authors",
            Self::Files => "Files",
        }
    }

    /// The tab so many places on, around the end.
    pub(super) fn moved(self, places: usize) -> Self {
        Self::ALL[(self as usize + places) % Self::ALL.len()]
    }
}

impl Model {
    /// Rows of the list in this tab.
    pub(super) fn rows(&self) -> usize {
        match self.tab {
            Tab::Overview => 0,
            Tab::Commits => self.found.len(),
            Tab::Authors => self.authors.len(),
            Tab::Files => self.files.len(),
        }
    }

    /// The selected row, if there is any.
    pub(super) fn selected(&self) -> Option<usize> {
        let last = self.rows().checked_sub(1)?;
        Some(self.selected[self.tab as usize].min(last))
    }

    pub(super) fn select(&mut self, row: usize) {
        self.selected[self.tab as usize] = row.min(self.rows().saturating_sub(1));
    }

    /// Shows the commits that have this text.
    pub(super) fn search_for(&mut self, text: String) {
        self.tab = Tab::Commits;
        self.search = text;
        self.selected[Tab::Commits as usize] = 0;
    }
}
