use std::any::Any;
use std::sync::Arc;

/// A node's value, shared with everybody who read it.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// Names a node. Never reused, so a name that outlived its node finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId {
    index: u32,
    generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Clean,
    Check,
    Dirty,
}

#[derive(Debug)]
struct Node<E> {
    value: Option<Result<Value, E>>,
    mark: Mark,
    is_running: bool,
    sources: Vec<NodeId>,
    dependents: Vec<NodeId>,
    /// When the value last changed, and when it was last known to be right, in refreshes of the graph.
    changed_at: u64,
    runs: u64,
}

impl<E> Default for Node<E> {
    fn default() -> Self {
        Self {
            value: None,
            mark: Mark::Dirty,
            is_running: false,
            sources: Vec::new(),
            dependents: Vec::new(),
            changed_at: 0,
            runs: 0,
        }
    }
}

/// Nodes and edges. `E` is the error that a computation may give instead of a value.
#[derive(Debug)]
pub(crate) struct Graph<E> {
    slots: Vec<(u32, Option<Node<E>>)>,
    free: Vec<u32>,
    clock: u64,
}

/// What the owner of the graph must do next to bring a node up to date.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Nothing: the value is right.
    Done,
    /// Run this node's computation between [`Graph::start`] and [`Graph::finish`], then ask again.
    Node(NodeId),
}

/// The way down from a node that is brought up to date: each node with the source to look at next.
#[derive(Debug)]
pub(crate) struct Walk {
    path: Vec<(NodeId, usize)>,
}

impl<E> Default for Graph<E> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), clock: 1 }
    }
}

impl<E: Clone> Graph<E> {
    /// Adds a node that was never run.
    pub(crate) fn add(&mut self) -> NodeId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let (generation, slot) = &mut self.slots[index as usize];
        *slot = Some(Node::default());
        NodeId { index, generation: *generation }
    }

    /// Removes a node; who read it is marked, and will fail to find it or make it anew.
    pub(crate) fn remove(&mut self, id: NodeId) -> Vec<NodeId> {
        let Some(node) = self.node(id) else { return Vec::new() };
        let (sources, dependents) = (node.sources.clone(), node.dependents.clone());
        for source in &sources {
            self.forget_dependent(*source, id);
        }
        self.mark_dirty(&dependents);
        let (generation, slot) = &mut self.slots[id.index as usize];
        *generation = generation.wrapping_add(1);
        *slot = None;
        self.free.push(id.index);
        sources
    }

    fn node(&self, id: NodeId) -> Option<&Node<E>> {
        let (generation, node) = self.slots.get(id.index as usize)?;
        node.as_ref().filter(|_| *generation == id.generation)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node<E>> {
        let (generation, node) = self.slots.get_mut(id.index as usize)?;
        node.as_mut().filter(|_| *generation == id.generation)
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.node(id).is_some()
    }

    pub(crate) fn has_dependents(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| !node.dependents.is_empty())
    }

    pub(crate) fn is_running(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| node.is_running)
    }

    pub(crate) fn is_clean(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| node.mark == Mark::Clean)
    }

    pub(crate) fn value(&self, id: NodeId) -> Option<&Result<Value, E>> {
        self.node(id)?.value.as_ref()
    }

    /// When the value last changed; grows with each change.
    pub(crate) fn changed_at(&self, id: NodeId) -> u64 {
        self.node(id).map_or(0, |node| node.changed_at)
    }

    pub(crate) fn runs(&self, id: NodeId) -> u64 {
        self.node(id).map_or(0, |node| node.runs)
    }

    /// Sets the value of a node that is not computed. Gives back every node above it that must now be checked.
    pub(crate) fn set(&mut self, id: NodeId, value: Value) -> Vec<NodeId> {
        self.clock += 1;
        let clock = self.clock;
        let Some(node) = self.node_mut(id) else { return Vec::new() };
        (node.value, node.mark, node.changed_at) = (Some(Ok(value)), Mark::Clean, clock);
        let dependents = node.dependents.clone();
        self.mark_dirty(&dependents)
    }

    /// Marks nodes whose own inputs changed, and everything above them. Gives back all that are marked now.
    pub(crate) fn mark_dirty(&mut self, nodes: &[NodeId]) -> Vec<NodeId> {
        self.clock += 1;
        let mut marked = Vec::new();
        let mut above = Vec::new();
        for id in nodes {
            let Some(node) = self.node_mut(*id) else { continue };
            if std::mem::replace(&mut node.mark, Mark::Dirty) == Mark::Clean {
                above.extend_from_slice(&node.dependents);
            }
            marked.push(*id);
        }
        while let Some(id) = above.pop() {
            let Some(node) = self.node_mut(id) else { continue };
            if node.mark == Mark::Clean {
                node.mark = Mark::Check;
                above.extend_from_slice(&node.dependents);
                marked.push(id);
            }
        }
        marked
    }

    /// Begins to bring `id` up to date.
    pub(crate) fn walk(id: NodeId) -> Walk {
        Walk { path: vec![(id, 0)] }
    }

    /// Finds the next node to run; walks down without recursion, and goes on where it stopped, so that a chain costs each
    /// of its nodes one visit.
    pub(crate) fn next_run(&mut self, walk: &mut Walk) -> Run {
        while let Some((id, next)) = walk.path.last_mut() {
            let id = *id;
            let Some(node) = self.node(id).filter(|node| node.mark != Mark::Clean) else {
                walk.path.pop();
                continue;
            };
            if node.mark == Mark::Dirty {
                return Run::Node(id);
            }
            match node.sources.get(*next).copied() {
                Some(source) => {
                    *next += 1;
                    walk.path.push((source, 0));
                }
                // Every source is clean now; a changed one has marked this node dirty when it finished.
                None => {
                    if let Some(node) = self.node_mut(id) {
                        node.mark = Mark::Clean;
                    }
                }
            }
        }
        Run::Done
    }

    /// Before a node's computation runs.
    pub(crate) fn start(&mut self, id: NodeId) {
        if let Some(node) = self.node_mut(id) {
            node.is_running = true;
            node.runs += 1;
        }
    }

    /// Replaces a node's edges by those of its last run. Most runs read what the run before did: then nothing moves.
    fn set_sources(&mut self, id: NodeId, sources: Vec<NodeId>) {
        let Some(node) = self.node_mut(id) else { return };
        if node.sources == sources {
            return;
        }
        for old in std::mem::replace(&mut node.sources, sources.clone()) {
            self.forget_dependent(old, id);
        }
        for source in sources {
            if let Some(source) = self.node_mut(source) {
                source.dependents.push(id);
            }
        }
    }

    fn forget_dependent(&mut self, source: NodeId, id: NodeId) {
        if let Some(source) = self.node_mut(source) {
            source.dependents.retain(|dependent| *dependent != id);
        }
    }

    /// After it ran: new edges, and the new value unless it equals the old one.
    pub(crate) fn finish(
        &mut self,
        id: NodeId,
        value: Result<Value, E>,
        sources: Vec<NodeId>,
        is_equal: impl FnOnce(&Value, &Value) -> bool,
    ) {
        self.set_sources(id, sources);
        self.clock += 1;
        let clock = self.clock;
        let Some(node) = self.node_mut(id) else { return };
        (node.is_running, node.mark) = (false, Mark::Clean);
        let is_same = matches!((&node.value, &value), (Some(Ok(old)), Ok(new)) if is_equal(old, new));
        if is_same {
            return;
        }
        (node.value, node.changed_at) = (Some(value), clock);
        let dependents = node.dependents.clone();
        self.mark_dirty(&dependents);
    }
}
