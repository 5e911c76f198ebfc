//! A schema with every shape that may go wrong, and what it must come to, written once more in plain Rust.

use crate::rng::Rng;
use livestore::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Adds to a counter.
#[event("v1.Counted")]
pub struct Counted {
    /// Which.
    pub id: String,
    /// How much.
    pub by: i64,
}

/// Adds to the end of a list.
#[event("v1.Appended")]
pub struct Appended {
    /// Which.
    pub list: String,
    /// The entry.
    pub text: String,
}

/// Adds a user whose address nobody else has.
#[event("v1.UserAdded")]
pub struct UserAdded {
    /// The user.
    pub id: String,
    /// The address.
    pub email: String,
}

/// Makes a folder, or does nothing where it is there.
#[event("v1.FolderMade")]
pub struct FolderMade {
    /// The folder.
    pub id: String,
}

/// Puts a file into a folder, which must be there.
#[event("v1.FilePut")]
pub struct FilePut {
    /// The file.
    pub id: String,
    /// The folder.
    pub folder: String,
}

/// Removes a folder with its files.
#[event("v1.FolderRemoved")]
pub struct FolderRemoved {
    /// The folder.
    pub id: String,
}

/// Takes the counter from an even number to the next; another number is an error.
#[event("v1.EvenOnly")]
pub struct EvenOnly {
    /// The counter.
    pub id: String,
}

/// Notes the first counter and how many files there are.
#[event("v1.Surveyed")]
pub struct Surveyed;

/// A setting of this client.
#[event("PrefSet", client_only)]
pub struct PrefSet {
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: i64,
}

/// Counters.
#[table("counters")]
pub struct Counter {
    /// The counter.
    #[column(primary_key)]
    pub id: String,
    /// Its value.
    pub n: i64,
}

/// Entries of lists.
#[table("entries", primary_key(list, pos))]
pub struct Entry {
    /// The list.
    pub list: String,
    /// The place in it.
    pub pos: i64,
    /// The entry.
    pub text: String,
}

/// Users.
#[table("users")]
pub struct User {
    /// The user.
    #[column(primary_key)]
    pub id: String,
    /// The address.
    #[column(unique)]
    pub email: String,
}

/// Folders.
#[table("folders")]
pub struct Folder {
    /// The folder.
    #[column(primary_key)]
    pub id: String,
}

/// Files.
#[table("files")]
pub struct File {
    /// The file.
    #[column(primary_key)]
    pub id: String,
    /// Its folder.
    #[column(references = Folder.id, on_delete = cascade)]
    pub folder: String,
}

/// Surveys, under a number of their own.
#[table("surveys")]
pub struct Survey {
    /// The number.
    #[column(primary_key)]
    pub id: i64,
    /// The first counter.
    pub first: Option<String>,
    /// How many files.
    pub files: i64,
}

/// Settings of this client.
#[table("prefs", client_only)]
pub struct Pref {
    /// The setting.
    #[column(primary_key)]
    pub key: String,
    /// Its value.
    pub value: i64,
    /// How many counters there were when it was set.
    pub counters: i64,
}

/// What is open on the screen.
#[client_document("ui")]
#[derive(Default)]
pub struct Ui {
    /// The open folder.
    pub open: String,
}

/// The application.
#[schema(
    events(Counted, Appended, UserAdded, FolderMade, FilePut, FolderRemoved, EvenOnly, Surveyed, PrefSet),
    tables(Counter, Entry, User, Folder, File, Survey, Pref),
    documents(Ui)
)]
#[derive(Debug)]
pub struct App;

#[materializers]
impl App {
    fn counted(Counted { id, by }: Counted, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let known = cx.query(Counter::query().filter(|t| t.id.eq(&id)).first())?;
        let n = known.map_or(0, |known| known.n) + by;
        Ok(Counter { id, n }.insert().on_conflict(|t| t.id).replace())
    }

    fn appended(Appended { list, text }: Appended, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let pos = cx.query(Entry::query().filter(|t| t.list.eq(&list)).count())?;
        Ok(Entry { list, pos, text }.insert())
    }

    fn user_added(UserAdded { id, email }: UserAdded) -> impl IntoWrites {
        User { id, email }.insert()
    }

    fn folder_made(FolderMade { id }: FolderMade) -> impl IntoWrites {
        Folder { id }.insert().on_conflict(|t| t.id).ignore()
    }

    fn file_put(FilePut { id, folder }: FilePut) -> impl IntoWrites {
        File { id, folder }.insert().on_conflict(|t| t.id).replace()
    }

    fn folder_removed(FolderRemoved { id }: FolderRemoved) -> impl IntoWrites {
        Folder::delete().filter(|t| t.id.eq(id))
    }

    fn even_only(EvenOnly { id }: EvenOnly, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        match cx.query(Counter::query().filter(|t| t.id.eq(&id)).first())? {
            Some(counter) if counter.n % 2 == 0 => {
                Ok(Counter::update().set(|t| t.n, counter.n + 1).filter(|t| t.id.eq(id)))
            }
            other => Err(Error::new(format!("{other:?} is not even"))),
        }
    }

    fn surveyed(_: Surveyed, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let first = cx.query(Counter::query().first())?.map(|counter| counter.id);
        let files = cx.query(File::query().count())?;
        let id = cx.query(Survey::query().count())?;
        Ok(Survey { id, first, files }.insert())
    }

    fn pref_set(PrefSet { key, value }: PrefSet, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let counters = cx.query(Counter::query().count())?;
        Ok(Pref { key, value, counters }.insert().on_conflict(|t| t.key).replace())
    }
}

fn name(rng: &mut Rng, of: u64) -> String {
    char::from(b'a' + rng.below(of) as u8).to_string()
}

/// Adds one event of any kind, that may or may not fit what is there.
pub fn add_event(batch: &mut Batch<App>, rng: &mut Rng) {
    match rng.below(12) {
        0 | 1 => batch.push(Counted { id: name(rng, 4), by: rng.below(7) as i64 - 3 }),
        2 => batch.push(Appended { list: name(rng, 3), text: name(rng, 26) }),
        3 => batch.push(UserAdded { id: name(rng, 26), email: name(rng, 26) }),
        4 => batch.push(FolderMade { id: name(rng, 3) }),
        5 | 6 => batch.push(FilePut { id: name(rng, 8), folder: name(rng, 3) }),
        7 => batch.push(FolderRemoved { id: name(rng, 3) }),
        8 => batch.push(EvenOnly { id: name(rng, 4) }),
        9 => batch.push(Surveyed),
        10 => batch.push(PrefSet { key: name(rng, 3), value: rng.below(100) as i64 }),
        _ => batch.push(Ui::set().open(name(rng, 26))),
    }
}

/// One statement for each table, that gives each row as one text.
pub const ROWS: [&str; 7] = [
    "SELECT 'counter ' || id || ' ' || n FROM counters ORDER BY id",
    "SELECT 'entry ' || list || ' ' || pos || ' ' || text FROM entries ORDER BY list, pos",
    "SELECT 'user ' || id || ' ' || email FROM users ORDER BY id",
    "SELECT 'folder ' || id FROM folders ORDER BY id",
    "SELECT 'file ' || id || ' ' || folder FROM files ORDER BY id",
    "SELECT 'survey ' || id || ' ' || coalesce(first, '-') || ' ' || files FROM surveys ORDER BY id",
    "SELECT 'pref ' || key || ' ' || value || ' ' || counters FROM prefs ORDER BY key",
];

/// What a session sees, at one head.
///
/// # Panics
/// A query fails.
#[must_use]
pub fn seen(store: &Store<App>) -> Vec<String> {
    let read = store.read::<_, QueryError>(|cx| {
        let tables = ROWS.iter().map(|sql| cx.query(&sql_query::<(String,)>(*sql, ())));
        tables.collect::<Result<Vec<_>, _>>()
    });
    read.expect("state reads").into_iter().flatten().map(|(row,)| row).collect()
}

/// The state in plain Rust.
#[derive(Clone, Debug, Default)]
pub struct Model {
    counters: BTreeMap<String, i64>,
    lists: BTreeMap<String, Vec<String>>,
    users: BTreeMap<String, String>,
    folders: BTreeSet<String>,
    files: BTreeMap<String, String>,
    surveys: Vec<(Option<String>, usize)>,
    prefs: BTreeMap<String, (i64, usize)>,
    /// Groups that cannot be materialized at their place.
    pub quarantined: usize,
}

/// An event as it stands in the eventlog.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The wire name.
    pub name: String,
    /// The args.
    pub args: Option<String>,
}

impl Model {
    /// Applies a commit group whole, or counts it as quarantined.
    pub fn apply(&mut self, group: &[Logged]) {
        let before = self.clone();
        if group.iter().any(|event| self.apply_event(event).is_none()) {
            let quarantined = before.quarantined + 1;
            *self = Self { quarantined, ..before };
        }
    }

    fn apply_event(&mut self, event: &Logged) -> Option<()> {
        fn args<T: for<'de> Deserialize<'de>>(event: &Logged) -> T {
            serde_json::from_str(event.args.as_deref().unwrap_or("null")).expect("the args are of the event")
        }
        match &*event.name {
            "v1.Counted" => {
                let Counted { id, by } = args(event);
                *self.counters.entry(id).or_default() += by;
            }
            "v1.Appended" => {
                let Appended { list, text } = args(event);
                self.lists.entry(list).or_default().push(text);
            }
            "v1.UserAdded" => {
                let UserAdded { id, email } = args(event);
                if self.users.contains_key(&id) || self.users.values().any(|known| *known == email) {
                    return None;
                }
                self.users.insert(id, email);
            }
            "v1.FolderMade" => {
                self.folders.insert(args::<FolderMade>(event).id);
            }
            "v1.FilePut" => {
                let FilePut { id, folder } = args(event);
                if !self.folders.contains(&folder) {
                    return None;
                }
                self.files.insert(id, folder);
            }
            "v1.FolderRemoved" => {
                let FolderRemoved { id } = args(event);
                self.folders.remove(&id);
                self.files.retain(|_, folder| *folder != id);
            }
            "v1.EvenOnly" => {
                let n = self.counters.get_mut(&args::<EvenOnly>(event).id).filter(|n| **n % 2 == 0)?;
                *n += 1;
            }
            "v1.Surveyed" => self.surveys.push((self.counters.keys().next().cloned(), self.files.len())),
            "PrefSet" => {
                let PrefSet { key, value } = args(event);
                self.prefs.insert(key, (value, self.counters.len()));
            }
            _ => {} // Documents are compared between databases, not with the model.
        }
        Some(())
    }

    /// The rows, as [`ROWS`] gives them.
    #[must_use]
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.counters.iter().map(|(id, n)| format!("counter {id} {n}")).collect();
        for (list, entries) in &self.lists {
            rows.extend(entries.iter().enumerate().map(|(pos, text)| format!("entry {list} {pos} {text}")));
        }
        rows.extend(self.users.iter().map(|(id, email)| format!("user {id} {email}")));
        rows.extend(self.folders.iter().map(|id| format!("folder {id}")));
        rows.extend(self.files.iter().map(|(id, folder)| format!("file {id} {folder}")));
        let surveys = self.surveys.iter().enumerate();
        rows.extend(
            surveys.map(|(id, (first, files))| format!("survey {id} {} {files}", first.as_deref().unwrap_or("-"))),
        );
        rows.extend(self.prefs.iter().map(|(key, (value, counters))| format!("pref {key} {value} {counters}")));
        rows
    }
}
