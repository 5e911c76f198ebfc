//! A leader made by hand, with a backend made by hand, and sessions that are told what the test wants them to be told.

use crate::event::{CommitGroup, EncodedEvent};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::leader::{Accepted, Desk, Dropped, Leader, LeaderHandle, News, Published, Request, Restart, Storage};
use crate::materialize::Materializers;
use crate::session::{CommitLog, Session};
use crate::sqlite::{Db, WriteSet};
use crate::sync::Replaced;
use crate::*;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Another order gives another sum, another identity another row; a number that is there already fails.
#[event("v1.Added")]
pub(super) struct Added {
    pub(super) id: i64,
}

/// Fails where there is an odd number of rows.
#[event("v1.Evened")]
pub(super) struct Evened {
    pub(super) id: i64,
}

#[event("Noted", client_only)]
pub(super) struct Noted {
    pub(super) key: i64,
}

#[table("rows")]
pub(super) struct Line {
    #[column(primary_key)]
    pub(super) id: i64,
    #[column(index)]
    pub(super) sum: i64,
    pub(super) event: String,
}

#[table("counts")]
pub(super) struct Count {
    #[column(primary_key)]
    pub(super) id: i64,
    pub(super) rows: i64,
}

#[table("notes", client_only)]
pub(super) struct Note {
    #[column(primary_key)]
    pub(super) key: i64,
    pub(super) rows: i64,
}

#[schema(events(Added, Evened, Noted), tables(Line, Count, Note))]
pub(super) struct App;

fn last_sum(cx: &MaterializeCx<'_>) -> Result<i64> {
    Ok(cx.query(Line::query().aggregate(|t| t.sum.max()))?.unwrap_or(0))
}

#[materializers]
impl App {
    fn added(Added { id }: Added, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let sum = last_sum(cx)? + 1 + id % 3;
        Ok(Line { id, sum, event: cx.event().id.to_string() }.insert())
    }

    fn evened(Evened { id }: Evened, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let rows = cx.query(Line::query().count())?;
        if rows % 2 == 1 {
            return Err(Error::new(format!("{rows} rows are odd")));
        }
        Ok(Count { id, rows }.insert().on_conflict(|t| t.id).replace())
    }

    fn noted(Noted { key }: Noted, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let rows = cx.query(Line::query().count())?;
        Ok(Note { key, rows }.insert().on_conflict(|t| t.key).replace())
    }
}

pub(super) fn encode<E: Event>(event: &E) -> EncodedEvent {
    EncodedEvent::new(E::DEF, event.__encode().unwrap())
}

pub(super) fn added(id: i64) -> EncodedEvent {
    encode(&Added { id })
}

fn new_leader() -> Leader {
    Leader::open(&Storage::Memory, Materializers::of::<App>(), &mut |_, _| Ok(Vec::new()), &mut |_| {}).unwrap()
}

pub(super) const TABLES: [(&str, &str); 3] = [
    ("rows", "SELECT id || ' ' || sum || ' ' || event FROM rows ORDER BY id"),
    ("counts", "SELECT id || ' ' || rows FROM counts ORDER BY id"),
    ("notes", "SELECT key || ' ' || rows FROM notes ORDER BY key"),
];

pub(super) fn dump(db: &Db) -> [Vec<String>; 3] {
    TABLES.map(|(_, sql)| db.rows(sql, [], |row| row.get(0)).unwrap())
}

/// What the groups come to, from nothing.
fn replayed(groups: &[Arc<CommitGroup>]) -> [Vec<String>; 3] {
    let mut leader = new_leader();
    leader.ingest(groups).unwrap();
    dump(&leader.copy_state().unwrap().0)
}

pub(super) struct Member {
    pub(super) session: Session,
    /// Told by the leader and not taken yet.
    pub(super) feed: VecDeque<News>,
    /// How many events it ever committed.
    committed: u64,
    /// Committed and not taken by the leader.
    pub(super) own: VecDeque<Arc<CommitGroup>>,
}

pub(super) struct World {
    handle: Arc<LeaderHandle>,
    leader: Arc<Mutex<Leader>>,
    pub(super) log: Vec<Arc<CommitGroup>>,
    pub(super) pending: VecDeque<Arc<CommitGroup>>,
    pub(super) members: Vec<Member>,
    seq: u64,
    foreign: u64,
}

impl World {
    pub(super) fn new(members: u8) -> Self {
        let leader = Arc::new(Mutex::new(new_leader()));
        let desk = Desk::new(crate::leader::LeaderOptions::default());
        let (at, of) = (Arc::clone(&desk), Arc::clone(&leader));
        let serve = move || {
            loop {
                let work = at.work_within(Duration::from_secs(10));
                for request in work.requests {
                    if let Request::Attach { reply, .. } = request {
                        reply.send(of.lock().unwrap().copy_state()).unwrap();
                    }
                }
                if work.is_stopping {
                    return;
                }
            }
        };
        let handle = Arc::new(LeaderHandle::start(&desk, serve).unwrap());
        let mut world =
            Self { handle, leader, log: Vec::new(), pending: VecDeque::new(), members: Vec::new(), seq: 0, foreign: 0 };
        (0..members).for_each(|index| world.join(index));
        world
    }

    fn join(&mut self, index: u8) {
        let commit_log = CommitLog::Memory { nonce: JournalNonce([index; 11]), next_ordinal: EventId::ORDINAL_MIN };
        let (client, session) = (ClientId::from_stored("c"), SessionId::from_stored(&format!("s{index}")));
        let materializers = Materializers::of::<App>();
        let session = Session::open(Arc::clone(&self.handle), materializers, commit_log, client, session).unwrap();
        self.members.push(Member { session, feed: VecDeque::new(), committed: 0, own: VecDeque::new() });
    }

    fn tell(&mut self, news: impl Fn() -> News) {
        self.members.iter_mut().for_each(|member| member.feed.push_back(news()));
    }

    /// A session commits; false where the group is refused.
    pub(super) fn commit(&mut self, member: usize, events: Vec<EncodedEvent>) -> bool {
        let member = &mut self.members[member];
        let count = events.len() as u64;
        if member.session.commit(events).is_err() {
            return false;
        }
        member.committed += count;
        let last = member.session.tail.end().groups - 1;
        member.own.push_back(Arc::new(member.session.tail.group(last).unwrap().into_owned()));
        true
    }

    /// The leader takes the next group of a session into its pending part.
    pub(super) fn accept(&mut self, member: usize) {
        let Some(group) = self.members[member].own.pop_front() else { return };
        self.put_pending(&group);
    }

    fn put_pending(&mut self, group: &Arc<CommitGroup>) {
        self.seq += 1;
        let seq = self.seq;
        self.pending.push_back(Arc::clone(group));
        self.tell(|| News::Accepted(Accepted { group: Arc::clone(group), seq }));
    }

    fn put_on_log(&mut self, group: Arc<CommitGroup>, replaces: Option<Replaced>) {
        let judged = self.leader.lock().unwrap().ingest(&[Arc::clone(&group)]).unwrap().remove(0);
        self.log.push(group);
        self.tell(|| {
            let (group, verdict) = (Arc::clone(&judged.group), judged.verdict.clone());
            News::Confirmed(Published {
                group,
                place: judged.head.place,
                number: judged.head.number,
                verdict,
                replaces,
            })
        });
    }

    /// A pending group, the first or another, is confirmed as it is.
    pub(super) fn confirm(&mut self, position: usize) {
        if let Some(group) = self.pending.remove(position) {
            self.put_on_log(group, None);
        }
    }

    /// There is no backend: a session's next group has its place at once.
    pub(super) fn confirm_own(&mut self, member: usize) {
        if let Some(group) = self.members[member].own.pop_front() {
            self.put_on_log(group, None);
        }
    }

    fn foreign_group(&mut self, events: Vec<EncodedEvent>) -> Arc<CommitGroup> {
        let ordinal = self.foreign + 1;
        self.foreign += events.len() as u64;
        let (client_id, session_id) = (ClientId::from_stored("other"), SessionId::from_stored("x"));
        Arc::new(CommitGroup::new((JournalNonce([255; 11]), ordinal), client_id, session_id, events))
    }

    /// Another client's events come.
    pub(super) fn confirm_foreign(&mut self, events: Vec<EncodedEvent>) {
        let group = self.foreign_group(events);
        self.put_on_log(group, None);
    }

    /// A backend that keeps no identity confirms the first events of the group under another one.
    pub(super) fn confirm_replaced(&mut self, position: usize, events: usize) {
        let Some(group) = self.pending.remove(position) else { return };
        let events = events.clamp(1, group.events.len());
        if events < group.events.len() {
            self.pending.insert(position, Arc::new(group.part(events..group.events.len())));
        }
        let first = group.part(0..events).events;
        let confirmed = self.foreign_group(first);
        self.put_on_log(confirmed, Some(Replaced { id: group.event_id(0), events }));
    }

    pub(super) fn drop_pending(&mut self, position: usize) {
        let Some(group) = self.pending.remove(position) else { return };
        let place = self.leader.lock().unwrap().log().head().place;
        self.tell(|| News::Dropped(Dropped { id: group.event_id(0), place, reason: "refused".into() }));
    }

    /// Another backend holds only so much of the log; the rest is pending again, before what was. What was not taken yet of what
    /// was told before may be lost on the way.
    pub(super) fn restart(&mut self, kept: usize, is_rest_told: bool) {
        let mut leader = new_leader();
        let pending: Vec<_> = self.log.drain(kept.min(self.log.len())..).chain(self.pending.drain(..)).collect();
        leader.ingest(&self.log).unwrap();
        for member in &mut self.members {
            if !is_rest_told {
                member.feed.clear();
            }
            let (state, position) = leader.copy_state().unwrap();
            let taken = member.committed - member.own.iter().map(|group| group.events.len() as u64).sum::<u64>();
            member.feed.push_back(News::Restart(Box::new(Restart { state, position, taken })));
        }
        *self.leader.lock().unwrap() = leader;
        pending.iter().for_each(|group| self.put_pending(group));
    }

    /// A session takes so much of what it was told. What changed is in the write set.
    pub(super) fn take(&mut self, member: usize, count: usize) {
        let member = &mut self.members[member];
        let count = count.min(member.feed.len());
        let before = dump(member.session.db());
        let writes = member.session.take(member.feed.drain(..count).collect());
        assert_eq!(member.session.broken(), None);
        check_told(&before, &dump(member.session.db()), &writes);
    }

    pub(super) fn take_all(&mut self) {
        (0..self.members.len()).for_each(|member| self.take(member, usize::MAX));
    }

    /// A session that was told everything has what a replay from nothing gives.
    pub(super) fn check(&self, member: usize, context: &str) {
        let member = &self.members[member];
        assert!(member.feed.is_empty(), "the check comes after the news");
        let groups: Vec<_> = self.log.iter().chain(&self.pending).chain(&member.own).cloned().collect();
        assert_eq!(dump(member.session.db()), replayed(&groups), "{context}");
        let events = |groups: &VecDeque<Arc<CommitGroup>>| groups.iter().map(|group| group.events.len()).sum::<usize>();
        let session = &member.session;
        assert_eq!(session.pending_events(), events(&member.own), "{context}");
        assert_eq!(session.accepted_events(), events(&self.pending), "{context}");
        let head = groups.iter().flat_map(|group| &group.events);
        let head = head.fold(SequenceNumber::ROOT, |head, event| head.next(event.client_only));
        assert_eq!((session.local_head().global, session.local_head().client), (head.global, head.client), "{context}");
    }
}

fn check_told(before: &[Vec<String>; 3], after: &[Vec<String>; 3], writes: &WriteSet) {
    for (index, (table, _)) in TABLES.iter().enumerate() {
        let is_told = writes.tables().any(|told| told == *table);
        assert!(is_told || before[index] == after[index], "`{table}` changed and nobody was told");
    }
}
