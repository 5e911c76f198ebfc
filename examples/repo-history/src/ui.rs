//! The screen: live queries in, keys out.

mod chart;
mod keys;
mod model;
mod refresh;
mod view;

use crate::failure::Failure;
use crate::queries::{self, Found};
use crate::schema::{Author, File, History, Month, Repository};
use keys::Action;
use livestore::{Changes, Signal, Store, Table, query_db_with, signal};
use model::{LIST_MAX, Model};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use refresh::Refresh;
use std::time::Duration;

/// How long a change may wait to be seen, while no key is pressed.
const TICK: Duration = Duration::from_millis(50);

/// Shows the store until the user ends it.
///
/// # Errors
/// The terminal or the store fails.
pub(crate) fn run(store: &Store<History>) -> Result<(), Failure> {
    let mut live = Live::start(store)?;
    let mut terminal = ratatui::try_init()?;
    let shown = show(store, &mut live, &mut terminal);
    ratatui::try_restore()?;
    shown
}

fn show(store: &Store<History>, live: &mut Live, terminal: &mut ratatui::DefaultTerminal) -> Result<(), Failure> {
    let mut model = Model::default();
    let mut refresh = None;
    let mut is_stale = true;
    loop {
        is_stale |= live.take_changes(&mut model);
        is_stale |= Refresh::take_status(&mut refresh, &mut model);
        if is_stale {
            terminal.draw(|frame| view::draw(frame, &mut model))?;
            is_stale = false;
        }
        if !event::poll(TICK)? {
            continue;
        }
        let searched = model.search.clone();
        // All keys at hand first: a search runs once for what was typed quickly.
        while event::poll(Duration::ZERO)? {
            is_stale = true;
            let Event::Key(key) = event::read()? else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match keys::press(&mut model, key) {
                Action::Nothing => {}
                Action::Quit => return Ok(()),
                Action::Refresh if refresh.is_none() => refresh = Refresh::start(store, &mut model),
                Action::Refresh => {}
            }
        }
        if model.search != searched {
            live.search(store, &model.search)?;
        }
    }
}

/// What the screen watches.
struct Live {
    search: Signal<String>,
    repository: Changes<Option<Repository>>,
    authors: Changes<Vec<Author>>,
    files: Changes<Vec<File>>,
    months: Changes<Vec<Month>>,
    counts: Changes<(i64, i64)>,
    found: Changes<Vec<Found>>,
}

impl Live {
    fn start(store: &Store<History>) -> Result<Self, Failure> {
        let search = signal(String::new());
        let found = query_db_with({
            let search = search.clone();
            move |cx| Ok(queries::search(&cx.get(&search)?, LIST_MAX))
        });
        let counts = livestore::computed(|cx| Ok((cx.get(&Author::query().count())?, cx.get(&File::query().count())?)));
        Ok(Self {
            search,
            repository: store.changes(&Repository::query().first())?,
            authors: store.changes(&queries::authors(LIST_MAX))?,
            files: store.changes(&queries::files(LIST_MAX))?,
            months: store.changes(&queries::months())?,
            counts: store.changes(&counts)?,
            found: store.changes(&found)?,
        })
    }

    fn search(&self, store: &Store<History>, text: &str) -> Result<(), Failure> {
        Ok(store.set_signal(&self.search, text.to_owned())?)
    }

    /// Takes over what changed; false where nothing did.
    fn take_changes(&mut self, model: &mut Model) -> bool {
        let changed = [
            take(&mut self.repository, &mut model.repository),
            take(&mut self.authors, &mut model.authors),
            take(&mut self.files, &mut model.files),
            take(&mut self.months, &mut model.months),
            take(&mut self.counts, &mut model.counts),
            take(&mut self.found, &mut model.found),
        ];
        changed.contains(&true)
    }
}

fn take<T: Send + Sync + 'static>(changes: &mut Changes<T>, to: &mut std::sync::Arc<T>) -> bool {
    let next = changes.try_next();
    let is_changed = next.is_some();
    if let Some(next) = next {
        *to = next;
    }
    is_changed
}
