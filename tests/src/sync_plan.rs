//! What a random client commits, and what of it the logs must hold.

use crate::history::*;
use crate::rng::Rng;
use livestore::*;

/// The mark of what must not leave its client.
pub const CANARY: &str = "canary";

type Push = Box<dyn FnOnce(&mut Batch<App>)>;

/// An event that is about to be committed.
pub struct Planned {
    /// The wire name and args; `None` for a document, whose event is not looked at closely.
    pub shown: Option<(String, Option<String>)>,
    /// Whether it stays with its client.
    pub client_only: bool,
    push: Push,
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shown {
            Some((name, args)) => write!(f, "{name}{}", args.as_deref().unwrap_or_default()),
            None => f.write_str("ui"),
        }
    }
}

impl Planned {
    fn event<E: Event + Commit<App>>(event: E) -> Self {
        let args = event.__encode().expect("the event encodes").map(String::from);
        Self {
            shown: Some((E::DEF.name.to_owned(), args)),
            client_only: E::DEF.client_only,
            push: Box::new(|batch| batch.push(event)),
        }
    }

    /// An entry of a list, where order and doubles show.
    #[must_use]
    pub fn tag(text: String) -> Self {
        Self::event(Appended { list: "tags".into(), text })
    }

    fn random(rng: &mut Rng) -> Self {
        match rng.below(12) {
            0 | 1 => Self::event(Counted { id: name(rng, 4), by: rng.below(7) as i64 - 3 }),
            2 => Self::event(Appended { list: name(rng, 3), text: name(rng, 26) }),
            3 => Self::event(UserAdded { id: name(rng, 26), email: name(rng, 26) }),
            4 => Self::event(FolderMade { id: name(rng, 3) }),
            5 | 6 => Self::event(FilePut { id: name(rng, 8), folder: name(rng, 3) }),
            7 => Self::event(FolderRemoved { id: name(rng, 3) }),
            8 => Self::event(EvenOnly { id: name(rng, 4) }),
            9 => Self::event(Surveyed),
            10 => Self::event(PrefSet { key: format!("{CANARY}-{}", name(rng, 3)), value: rng.below(100) as i64 }),
            _ => {
                let open = format!("{CANARY}-{}", name(rng, 26));
                Self { shown: None, client_only: true, push: Box::new(|batch| batch.push(Ui::set().open(open))) }
            }
        }
    }

    /// One event, or a group of any kinds.
    #[must_use]
    pub fn group(rng: &mut Rng, tag: String) -> Vec<Self> {
        let count = if rng.one_in(3) { 1 + rng.below(5) } else { 1 };
        let mut group: Vec<Self> = (0..count).map(|_| Self::random(rng)).collect();
        if rng.one_in(2) {
            group.insert(rng.below(count + 1) as usize, Self::tag(tag));
        }
        group
    }
}

/// Commits a group, and gives back what it holds.
///
/// # Errors
/// As [`Store::commit`].
pub fn commit(store: &Store<App>, group: Vec<Planned>) -> Result<(Receipt, Vec<Kept>), CommitError> {
    let kept = group.iter().map(|planned| (planned.shown.clone(), planned.client_only)).collect();
    let receipt = store.commit(|batch: &mut Batch<App>| group.into_iter().for_each(|planned| (planned.push)(batch)))?;
    Ok((receipt, kept))
}

/// What the logs must hold of an event, and whether it stays with its client.
pub type Kept = (Option<(String, Option<String>)>, bool);

fn name(rng: &mut Rng, of: u64) -> String {
    char::from(b'a' + rng.below(of) as u8).to_string()
}
