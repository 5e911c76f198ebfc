use super::definition::{Body, Definition, Key, LiveCx, Signal};
use super::outbox::{Outbox, Subscriber};
use crate::error::{QueryError, Result};
use crate::materialize::panic_message;
use crate::mutant::{self, Mutant};
use crate::reactivity::{Graph, NodeId, NodeMap, Run, Value};
use crate::sqlite::{ReadSet, TrackedState, WriteSet};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The instances that nobody watches and that are kept in case they are read again.
const IDLE_MAX: usize = 512;
/// How deep live queries may read each other on their first run, which has to follow the closures down.
const DEPTH_MAX: usize = 500;

/// How often a live query ran in a store, and who watches it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveStats {
    /// Its label.
    pub label: String,
    /// How often it ran.
    pub runs: u64,
    /// How many subscriptions watch it.
    pub subscribers: usize,
}

/// One definition in this store.
#[derive(Debug)]
struct Instance {
    definition: Arc<Definition>,
    reads: ReadSet,
    subscribers: Vec<Arc<Subscriber>>,
    /// The change that was last put into the outbox.
    delivered_at: u64,
    read_at: u64,
    /// Its last run asked for a value that was being computed just then: what it gave is no result to keep.
    met_cycle: bool,
}

impl Instance {
    /// Whether somebody holds the definition, or could make an equal one.
    fn can_be_named(&self) -> bool {
        !matches!(self.definition.key, Key::Unique(_)) || Arc::strong_count(&self.definition) > 1
    }
}

/// All live queries of a store; kept behind the store's lock.
#[derive(Debug)]
pub(crate) struct Live {
    graph: Graph<QueryError>,
    instances: NodeMap<Instance>,
    by_key: HashMap<u64, Vec<NodeId>>,
    /// Which instances read a table: where a write set looks.
    readers: BTreeMap<Arc<str>, BTreeSet<NodeId>>,
    outbox: Arc<Outbox>,
    reads: u64,
    depth: usize,
    /// How often a live query was asked for while it ran.
    cycles: u64,
    /// How many instances there may be before idle ones are looked for; grows with those that are watched, so that many
    /// watchers do not cost each new one a search.
    evict_at: usize,
}

impl Live {
    pub(crate) fn new(outbox: Arc<Outbox>) -> Self {
        Self {
            graph: Graph::default(),
            instances: NodeMap::default(),
            by_key: HashMap::new(),
            readers: BTreeMap::new(),
            outbox,
            reads: 0,
            depth: 0,
            cycles: 0,
            evict_at: IDLE_MAX,
        }
    }

    /// The node of a definition, made where it is not there yet.
    fn node(&mut self, definition: &Arc<Definition>) -> NodeId {
        if let Some(id) = self.find(definition) {
            return id;
        }
        // What a running computation has read is not yet known to be read by it: nothing is dropped meanwhile.
        if self.instances.len() >= self.evict_at && self.depth == 0 {
            self.evict_idle();
            self.evict_at = self.instances.len() * 2 + IDLE_MAX;
        }
        let id = self.graph.add();
        if let Body::Cell(value) = &definition.body {
            self.graph.set(id, Arc::clone(value));
        }
        self.by_key.entry(definition.key_hash).or_default().push(id);
        let instance = Instance {
            definition: Arc::clone(definition),
            reads: ReadSet::default(),
            subscribers: Vec::new(),
            delivered_at: 0,
            read_at: self.reads,
            met_cycle: false,
        };
        self.instances.insert(id, instance);
        id
    }

    fn find(&self, definition: &Definition) -> Option<NodeId> {
        let nodes = self.by_key.get(&definition.key_hash)?;
        nodes
            .iter()
            .copied()
            .find(|id| self.instances.get(id).is_some_and(|instance| instance.definition.is(definition)))
    }

    /// Reads a definition's present value; unchanged, that is a look-up and a clone of the `Arc`.
    pub(super) fn read(
        &mut self,
        definition: &Arc<Definition>,
        state: &dyn TrackedState,
    ) -> (NodeId, Result<Value, QueryError>) {
        let id = self.node(definition);
        self.reads += 1;
        if self.graph.is_running(id) {
            self.cycles += 1;
            return (id, Err(failed(definition, "it reads itself")));
        }
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.read_at = self.reads;
            // What was computed inside a circle is an answer to that question only.
            if instance.met_cycle && self.depth == 0 {
                self.graph.mark_dirty(&[id]);
            }
        }
        if !self.graph.is_clean(id) && !self.update(id, state) {
            return (id, Err(failed(definition, "it reads itself")));
        }
        (id, self.value(id, definition))
    }

    /// How often a circle was met so far.
    pub(super) fn cycles(&self) -> u64 {
        self.cycles
    }

    fn value(&self, id: NodeId, definition: &Definition) -> Result<Value, QueryError> {
        self.graph.value(id).cloned().unwrap_or_else(|| Err(failed(definition, "it has no value")))
    }

    /// False where the way down led to a node that is running.
    fn update(&mut self, id: NodeId, state: &dyn TrackedState) -> bool {
        let mut walk = Graph::<QueryError>::walk(id);
        while let Run::Node(next) = self.graph.next_run(&mut walk) {
            if self.graph.is_running(next) {
                self.cycles += 1;
                return false;
            }
            self.run(next, state);
        }
        true
    }

    fn run(&mut self, id: NodeId, state: &dyn TrackedState) {
        let Some(instance) = self.instances.get(&id) else { return };
        let definition = Arc::clone(&instance.definition);
        self.graph.start(id);
        self.depth += 1;
        let cycles = self.cycles;
        let (value, sources, reads) = self.compute(&definition, state);
        self.depth -= 1;
        let met_cycle = self.cycles != cycles;
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.met_cycle = met_cycle;
        }
        self.set_reads(id, reads);
        self.graph.finish(id, value, sources, definition.is_equal);
    }

    fn compute(
        &mut self,
        definition: &Definition,
        state: &dyn TrackedState,
    ) -> (Result<Value, QueryError>, Vec<NodeId>, ReadSet) {
        let Body::Compute(compute) = &definition.body else {
            return (Err(failed(definition, "a signal is not computed")), Vec::new(), ReadSet::default());
        };
        if self.depth > DEPTH_MAX {
            let message = format!("it is read through more than {DEPTH_MAX} others");
            return (Err(failed(definition, &message)), Vec::new(), ReadSet::default());
        }
        let mut value = None;
        let mut sources = Vec::new();
        let reads = state.track(&mut || {
            let cx = LiveCx { live: RefCell::new(self), state, sources: RefCell::default() };
            value = Some(catch_unwind(AssertUnwindSafe(|| compute(&cx))));
            sources = cx.sources.into_inner();
        });
        let value = match value {
            Some(Ok(Ok(value))) => Ok(value),
            Some(Ok(Err(error))) => Err(match error.downcast_ref::<QueryError>() {
                Some(inner @ (QueryError::Live { .. } | QueryError::Storage(_))) => inner.clone(),
                _ => failed(definition, &error.to_string()),
            }),
            Some(Err(panic)) => Err(failed(definition, &format!("it panicked: {}", panic_message(&*panic)))),
            None => Err(failed(definition, "it did not run")),
        };
        (value, sources, reads)
    }

    fn set_reads(&mut self, id: NodeId, reads: ReadSet) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let is_frozen = instance.reads != ReadSet::default() && mutant::is(Mutant::DependenciesAreFrozen);
        if instance.reads == reads || is_frozen {
            return;
        }
        let old = std::mem::replace(&mut instance.reads, reads);
        for table in old.tables() {
            if let Some(readers) = self.readers.get_mut(table) {
                readers.remove(&id);
            }
        }
        let tables: Vec<Arc<str>> = self.instances[&id].reads.tables().map(Into::into).collect();
        for table in tables {
            self.readers.entry(table).or_default().insert(id);
        }
    }

    /// The nodes whose statements may now see something else. The one place that decides it: a finer answer, by key, goes
    /// here.
    fn met_by(&self, writes: &WriteSet) -> Vec<NodeId> {
        let readers = writes.tables().filter_map(|table| self.readers.get(table)).flatten();
        let met: BTreeSet<NodeId> =
            readers.copied().filter(|id| self.instances.get(id).is_some_and(|it| writes.meets(&it.reads))).collect();
        met.into_iter().collect()
    }

    /// After state changed: brings everything that is watched up to date, once, and puts what changed into the outbox.
    pub(crate) fn refresh(&mut self, state: &dyn TrackedState, writes: &WriteSet) {
        let met = self.met_by(writes);
        if met.is_empty() {
            return;
        }
        let marked = self.graph.mark_dirty(&met);
        self.deliver(state, marked);
    }

    fn deliver(&mut self, state: &dyn TrackedState, mut marked: Vec<NodeId>) {
        marked.sort_unstable();
        marked.dedup();
        for id in marked {
            if self.instances.get(&id).is_none_or(|instance| instance.subscribers.is_empty()) {
                continue; // Nobody watches: it is brought up to date when it is read.
            }
            self.update(id, state);
            self.post(id);
        }
    }

    /// Puts a changed value into the outbox, for all who watch the node.
    fn post(&mut self, id: NodeId) {
        let changed_at = self.graph.changed_at(id);
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if instance.delivered_at == changed_at {
            return;
        }
        instance.delivered_at = changed_at;
        match self.graph.value(id) {
            Some(Ok(value)) => {
                for subscriber in &instance.subscribers {
                    subscriber.note_failure(None);
                    self.outbox.post(subscriber, Arc::clone(value));
                }
            }
            // The last good value stands until the query runs again; readers are told, and watchers can ask.
            Some(Err(error)) => {
                tracing::warn!(%error, "a watched live query failed");
                instance.subscribers.iter().for_each(|subscriber| subscriber.note_failure(Some(error)));
            }
            None => {}
        }
    }

    /// Sets a signal and refreshes what reads it.
    pub(crate) fn set_signal<T: PartialEq + Send + Sync + 'static>(
        &mut self,
        state: &dyn TrackedState,
        signal: &Signal<T>,
        value: T,
    ) {
        let id = self.node(&signal.definition);
        let value: Value = Arc::new(value);
        if matches!(self.graph.value(id), Some(Ok(old)) if (signal.definition.is_equal)(old, &value)) {
            return;
        }
        let mut marked = self.graph.set(id, value);
        marked.push(id);
        self.deliver(state, marked);
    }

    /// Starts to watch; the present value is posted first.
    pub(super) fn watch(
        &mut self,
        definition: &Arc<Definition>,
        state: &dyn TrackedState,
        subscriber: Arc<Subscriber>,
    ) -> Result<NodeId, QueryError> {
        let (id, value) = self.read(definition, state);
        self.outbox.post(&subscriber, value?);
        let changed_at = self.graph.changed_at(id);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.delivered_at = changed_at;
            instance.subscribers.push(subscriber);
        }
        Ok(id)
    }

    pub(super) fn unwatch(&mut self, id: NodeId, subscriber: &Arc<Subscriber>) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.subscribers.retain(|known| !Arc::ptr_eq(known, subscriber));
        }
    }

    /// The store closes: callbacks are dropped, which is how those who watch learn of it.
    pub(crate) fn close(self) {
        let subscribers = self.instances.values().flat_map(|instance| &instance.subscribers);
        subscribers.for_each(|subscriber| subscriber.end());
    }

    /// Every instance, most used first.
    pub(crate) fn stats(&self) -> Vec<LiveStats> {
        let mut stats: Vec<LiveStats> = self
            .instances
            .iter()
            .map(|(id, instance)| LiveStats {
                label: instance.definition.label.clone(),
                runs: self.graph.runs(*id),
                subscribers: instance.subscribers.len(),
            })
            .collect();
        stats.sort_unstable_by(|a, b| b.runs.cmp(&a.runs).then_with(|| a.label.cmp(&b.label)));
        stats
    }

    /// Drops what nobody can name any more, and the older half of what nobody watches or reads. A signal that can be named
    /// stays: its value is nowhere else.
    fn evict_idle(&mut self) {
        // One that goes may have been the last to hold another: at most as many rounds as they are deep.
        while self.drop_oldest(|instance| !instance.can_be_named(), usize::MAX) > 0 {}
        let is_computed = |instance: &Instance| matches!(instance.definition.body, Body::Compute(_));
        let idle = self.idle(is_computed).len();
        self.drop_oldest(is_computed, idle.div_ceil(2));
    }

    /// Drops up to so many idle instances of this kind, oldest first; gives back how many.
    fn drop_oldest(&mut self, is_meant: impl Fn(&Instance) -> bool, len_max: usize) -> usize {
        let mut idle = self.idle(is_meant);
        idle.sort_unstable();
        idle.truncate(len_max);
        idle.iter().for_each(|(_, id)| self.remove(*id));
        idle.len()
    }

    /// The instances of this kind that nobody watches or reads, with when they were read last.
    fn idle(&self, is_meant: impl Fn(&Instance) -> bool) -> Vec<(u64, NodeId)> {
        let is_idle = |id: NodeId, instance: &Instance| {
            instance.subscribers.is_empty() && !self.graph.has_dependents(id) && !self.graph.is_running(id)
        };
        let idle = self.instances.iter().filter(|(id, instance)| is_idle(**id, instance) && is_meant(instance));
        idle.map(|(id, instance)| (instance.read_at, *id)).collect()
    }

    fn remove(&mut self, id: NodeId) {
        self.set_reads(id, ReadSet::default());
        self.graph.remove(id);
        let Some(instance) = self.instances.remove(&id) else { return };
        if let Some(nodes) = self.by_key.get_mut(&instance.definition.key_hash) {
            nodes.retain(|known| *known != id);
            if nodes.is_empty() {
                self.by_key.remove(&instance.definition.key_hash);
            }
        }
    }
}

fn failed(definition: &Definition, message: &str) -> QueryError {
    QueryError::Live { label: definition.label.clone(), message: message.to_owned() }
}
