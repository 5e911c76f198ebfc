//! Live queries against a model: what is delivered is what the SQL gives at that head.

use livestore::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

#[event("v1.Changed")]
struct Changed {
    change: Change,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Change {
    Put { id: i64, parent: Option<i64>, n: i64, text: String },
    SetN { id: i64, n: i64 },
    SetText { n: i64, text: String },
    Delete { id: i64 },
    DeleteBelow { n: i64 },
}

#[table("nodes")]
struct Node {
    #[column(primary_key)]
    id: i64,
    #[column(references = Node.id, on_delete = cascade)]
    parent: Option<i64>,
    n: i64,
    text: String,
}

/// How many events the state has seen.
#[table("head")]
struct Head {
    #[column(primary_key)]
    id: i64,
    events: i64,
}

#[schema(events(Changed), tables(Node, Head))]
struct App;

#[materializers]
impl App {
    fn changed(Changed { change }: Changed) -> Result<impl IntoWrites> {
        let count = Head { id: 1, events: 1 };
        let count = count.insert().on_conflict(|t| t.id).update(|t, _| t.events.to(t.events.add(1)));
        let mut writes = Writes::default();
        count.into_writes(&mut writes)?;
        match change {
            Change::Put { id, parent, n, text } => {
                let upsert = Node { id, parent, n, text }.insert().on_conflict(|t| t.id);
                upsert.update(|t, new| (t.n.to(new.n), t.text.to(new.text))).into_writes(&mut writes)?;
            }
            Change::SetN { id, n } => {
                Node::update().set(|t| t.n, n).filter(|t| t.id.eq(id)).into_writes(&mut writes)?
            }
            Change::SetText { n, text } => {
                Node::update().set(|t| t.text, text).filter(|t| t.n.eq(n)).into_writes(&mut writes)?;
            }
            Change::Delete { id } => Node::delete().filter(|t| t.id.eq(id)).into_writes(&mut writes)?,
            Change::DeleteBelow { n } => Node::delete().filter(|t| t.n.lt(n)).into_writes(&mut writes)?,
        }
        Ok(writes)
    }
}

/// splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound) as i64
    }

    fn change(&mut self) -> Change {
        let (id, n) = (self.below(12), self.below(5));
        let text = ["a", "b", "c"][self.below(3) as usize].to_owned();
        match self.below(10) {
            0..=4 => Change::Put { id, parent: (self.below(2) == 0).then(|| self.below(12)), n, text },
            5 | 6 => Change::SetN { id, n },
            7 => Change::SetText { n, text },
            8 => Change::Delete { id },
            _ => Change::DeleteBelow { n: self.below(2) },
        }
    }
}

type Rows = Vec<Vec<String>>;

/// A row as text, whatever its columns.
#[derive(Debug, PartialEq)]
struct Texts(Vec<String>);

impl FromRow for Texts {
    fn from_row(row: &Row<'_>) -> Result<Self, QueryError> {
        (0..2).map(|index| row.get::<String>(index)).collect::<Result<_, _>>().map(Self)
    }
}

/// Statements that read different tables and columns; `?` is bound to a signal's value.
const STATEMENTS: &[&str] = &[
    "SELECT count(*), '' FROM nodes WHERE ? IS NOT NULL",
    "SELECT id, n FROM nodes WHERE n > ? ORDER BY id",
    "SELECT group_concat(text, '' ORDER BY id), '' FROM nodes WHERE n = ?",
    "SELECT a.text, b.text FROM nodes a JOIN nodes b ON b.parent = a.id WHERE b.n <> ? ORDER BY a.id, b.id",
    "SELECT text, count(*) FROM nodes WHERE n < ? + 3 GROUP BY text ORDER BY text",
    "SELECT max(events), ? FROM head",
    "SELECT n, (SELECT count(*) FROM nodes c WHERE c.parent = nodes.id) FROM nodes WHERE id = ?",
];

/// The statement with both of its columns as text.
fn text_sql(statement: &str) -> String {
    let columns = "coalesce(CAST(x AS TEXT), '-'), coalesce(CAST(y AS TEXT), '-')";
    format!("WITH result(x, y) AS ({statement}) SELECT {columns} FROM result")
}

fn fresh(store: &Store<App>, statement: &str, n: i64) -> Rows {
    store.query(&sql_query::<Texts>(text_sql(statement), (n,))).unwrap().into_iter().map(|row| row.0).collect()
}

struct Watched {
    statement: &'static str,
    delivered: Arc<Mutex<Vec<Rows>>>,
    _subscription: Subscription,
}

fn watch(store: &Store<App>, statement: &'static str, n: &Signal<i64>) -> Watched {
    let signal = n.clone();
    let query =
        query_db_with(move |cx| Ok(sql_query::<Texts>(text_sql(statement), (*cx.get(&signal)?,)))).keyed(statement);
    let delivered = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&delivered);
    let call = move |rows: &Arc<Vec<Texts>>| told.lock().unwrap().push(rows.iter().map(|row| row.0.clone()).collect());
    Watched { statement, delivered, _subscription: store.subscribe(&query, call).unwrap() }
}

fn run_one_session(seed: u64) {
    let store = Store::<App>::open(memory(), "live-model").unwrap();
    let mut random = Random(seed);
    let signal = signal(0);
    let (mut n, mut watched) = (0, Vec::<Watched>::new());
    for step in 0..150 {
        match random.below(10) {
            0 => watched.push(watch(&store, STATEMENTS[random.below(STATEMENTS.len() as u64) as usize], &signal)),
            1 if !watched.is_empty() => drop(watched.swap_remove(random.below(watched.len() as u64) as usize)),
            2 => {
                n = random.below(4);
                store.set_signal(&signal, n).unwrap();
            }
            3 => {
                let changes: Vec<_> = (0..5).map(|_| Changed { change: random.change() }).collect();
                drop(store.commit(changes)); // May fail as a whole: a parent that is not there.
            }
            _ => drop(store.commit(Changed { change: random.change() })),
        }
        for Watched { statement, delivered, .. } in &watched {
            let delivered = delivered.lock().unwrap();
            let last = delivered.last().expect("the first result is delivered at once");
            assert_eq!(*last, fresh(&store, statement, n), "seed {seed}, step {step}: {statement}");
            let doubled = delivered.windows(2).any(|pair| pair[0] == pair[1]);
            assert!(!doubled, "seed {seed}, step {step}: the same result twice: {statement}");
        }
    }
}

#[test]
fn what_is_delivered_is_a_fresh_run_of_the_sql() {
    for seed in 1..=20 {
        run_one_session(seed);
    }
}

fn all_nodes(store: &Store<App>) -> Vec<Node> {
    store.query(&Node::query().order_by(|t| t.id.asc())).unwrap()
}

/// One session commits, another watches: all it is told of are heads of the eventlog, in their order, up to the last.
fn run_two_sessions(seed: u64) {
    let adapter = memory();
    let writer = Store::<App>::open(adapter.clone(), "live-model").unwrap();
    let watcher = Store::<App>::open(adapter, "live-model").unwrap();
    let both = computed(|cx| {
        let events = cx.get(&Head::query().select(|t| t.events).first())?.unwrap_or(0);
        Ok((events, cx.get(&Node::query().order_by(|t| t.id.asc()))?))
    });
    let (told, heard) = std::sync::mpsc::channel();
    let _subscription = watcher.subscribe(&both, move |both| told.send((**both).clone()).unwrap()).unwrap();
    let mut random = Random(seed);
    let mut at_head = BTreeMap::from([(0, Vec::new())]);
    for _ in 0..120 {
        drop(writer.commit(Changed { change: random.change() }));
        let events = writer.query(&Head::query().select(|t| t.events).first()).unwrap().unwrap_or(0);
        at_head.insert(events, all_nodes(&writer));
    }
    writer.commit(Changed { change: Change::Put { id: 99, parent: None, n: 0, text: "last".into() } }).unwrap();
    let (last, events) = (all_nodes(&writer), at_head.len());
    assert!(events > 20, "seed {seed}");
    let last_head = writer.query(&Head::query().select(|t| t.events).first()).unwrap().unwrap();
    at_head.insert(last_head, last.clone());
    let mut seen_head = 0;
    loop {
        let (head, nodes) = heard.recv_timeout(LONG).unwrap();
        assert!(head >= seen_head, "seed {seed}: head {head} after {seen_head}");
        seen_head = head;
        assert_eq!(nodes, at_head[&head], "seed {seed}, head {head}");
        if head == last_head {
            return assert_eq!(nodes, last, "seed {seed}");
        }
    }
}

#[test]
fn another_session_is_told_of_heads_in_order() {
    for seed in 1..=10 {
        run_two_sessions(seed);
    }
}
