use crate::{Hear, Rng, Tags, Workload};
use livestore::*;
use std::collections::{BTreeMap, BTreeSet};

const SECRET: &str = "canary-that-stays-at-home";

/// Adds to a counter: catches what is applied twice, or not at all.
#[event("v1.Counted")]
pub struct Counted {
    /// Who did it.
    pub tag: String,
    /// The counter.
    pub name: String,
}

/// Writes a line below all others: catches a wrong order.
#[event("v1.Written")]
pub struct Written {
    /// Who did it.
    pub tag: String,
}

/// Takes a name that nobody has: fails where somebody was first.
#[event("v1.Claimed")]
pub struct Claimed {
    /// Who did it.
    pub tag: String,
    /// The name.
    pub name: String,
}

/// A counter.
#[table("counters")]
pub struct Counter {
    /// Its name.
    #[column(primary_key)]
    pub name: String,
    /// How often it was counted.
    pub n: i64,
}

/// A line, where it stands.
#[table("lines")]
pub struct Line {
    /// Counted from 1.
    #[column(primary_key)]
    pub place: i64,
    /// Who wrote it.
    pub tag: String,
}

/// A name that is taken.
#[table("names")]
pub struct Name {
    /// The name.
    #[column(primary_key)]
    pub name: String,
    /// Who took it.
    pub tag: String,
}

/// What stays with its client.
#[client_document("view", id = "main")]
#[derive(Default)]
pub struct View {
    /// A search.
    pub search: String,
    /// Changed with each commit.
    pub step: i64,
}

/// The schema of [`Notes`].
#[schema(events(Counted, Written, Claimed), tables(Counter, Line, Name), documents(View))]
#[derive(Debug)]
pub struct NotesSchema;

#[materializers]
impl NotesSchema {
    fn on_counted(Counted { name, .. }: Counted, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let before = cx.query(Counter::query().filter(|t| t.name.eq(&name)).first())?;
        let n = before.map_or(0, |counter| counter.n) + 1;
        Ok(Counter { name, n }.insert().on_conflict(|t| t.name).replace())
    }

    fn on_written(Written { tag }: Written, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        Ok(Line { place: cx.query(Line::query().count())? + 1, tag }.insert())
    }

    fn on_claimed(Claimed { tag, name }: Claimed) -> impl IntoWrites {
        Name { name, tag }.insert()
    }
}

/// The built-in workload: counters, a list whose order matters, unique names, commit groups, and a client document.
#[derive(Debug, Default)]
pub struct Notes;

/// The state in plain maps.
#[derive(Clone, Default)]
struct Model {
    counters: BTreeMap<String, i64>,
    lines: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Model {
    fn apply(&mut self, event: &SyncEvent) -> Option<()> {
        let args: BTreeMap<String, String> = serde_json::from_str(event.args.as_deref()?).ok()?;
        let (tag, name) = (args.get("tag")?.clone(), args.get("name").cloned());
        match &*event.name {
            "v1.Counted" => *self.counters.entry(name?).or_default() += 1,
            "v1.Written" => self.lines.push(tag),
            _ => match self.names.entry(name?) {
                std::collections::btree_map::Entry::Occupied(_) => return None,
                std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(tag)),
            },
        }
        Some(())
    }

    fn text(&self) -> String {
        let names: BTreeSet<String> = self.names.iter().map(|(name, tag)| format!("{name}={tag}")).collect();
        format!("{:?} {:?} {names:?}", self.counters, self.lines)
    }
}

impl Workload for Notes {
    type Schema = NotesSchema;
    const SECRET: Option<&'static str> = Some(SECRET);

    fn commit(&mut self, store: &Store<NotesSchema>, tags: &mut Tags, rng: &mut Rng) -> Result<Receipt, CommitError> {
        let count = if rng.one_in(3) { 1 + rng.below(5) } else { 1 };
        let steps: Vec<u64> = (0..count).map(|_| rng.below(10)).collect();
        let names: Vec<String> = (0..count).map(|_| format!("n{}", rng.below(12))).collect();
        store.commit(|batch: &mut Batch<NotesSchema>| {
            for (step, name) in steps.into_iter().zip(names) {
                match step {
                    0..4 => batch.push(Counted { tag: tags.take(), name }),
                    4..7 => batch.push(Written { tag: tags.take() }),
                    7..9 => batch.push(Claimed { tag: tags.take(), name }),
                    _ => batch.push(View::set().search(SECRET.into()).step(step as i64)),
                };
            }
        })
    }

    fn dump(&self, store: &Store<NotesSchema>) -> Result<String, QueryError> {
        let counters = store.query(&Counter::query())?;
        let lines = store.query(&Line::query().order_by(|t| t.place.asc()))?;
        let names = store.query(&Name::query())?;
        let model = Model {
            counters: counters.into_iter().map(|counter| (counter.name, counter.n)).collect(),
            lines: lines.into_iter().map(|line| line.tag).collect(),
            names: names.into_iter().map(|name| (name.name, name.tag)).collect(),
        };
        Ok(model.text())
    }

    fn layout(&self, store: &Store<NotesSchema>) -> Result<String, QueryError> {
        let rows = store.query(&sql_query::<(i64, i64, String)>("SELECT rowid, place, tag FROM lines", ()))?;
        let (counters, names) = (store.query(&Counter::query())?, store.query(&Name::query())?);
        Ok(format!("{rows:?} {counters:?} {names:?}"))
    }

    fn own(&self, store: &Store<NotesSchema>) -> Result<String, QueryError> {
        Ok(format!("{:?}", store.query(&View::get())?))
    }

    fn watch(&self, store: &Store<NotesSchema>, hear: Hear) -> Result<Option<Subscription>, QueryError> {
        let at = store.clone();
        let query = query_db(Counter::query().order_by(|t| t.name.asc()));
        store.subscribe(&query, move |counters| hear.delivered(format!("{counters:?}"), Self.watched(&at))).map(Some)
    }

    fn watched(&self, store: &Store<NotesSchema>) -> Result<String, QueryError> {
        Ok(format!("{:?}", store.query(&Counter::query().order_by(|t| t.name.asc()))?))
    }

    fn expect(&self, groups: &[Vec<SyncEvent>]) -> String {
        let mut model = Model::default();
        for group in groups {
            let mut next = model.clone();
            if group.iter().try_for_each(|event| next.apply(event)).is_some() {
                model = next;
            } else {
                crate::sometimes!("a group is quarantined");
            }
        }
        model.text()
    }

    fn is_refusable(event: &SyncEvent) -> bool {
        event.args.as_deref().is_some_and(|args| args.contains("n3"))
    }
}
