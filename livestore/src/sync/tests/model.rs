//! Three clients, each a session over a leader, and one backend. Every message is in flight for a while.

mod action;
mod backend;
mod check;
mod client;
mod world;

use backend::{Backend, Request};
use client::Client;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

pub(super) use action::Action;
pub(super) use world::{Scope, World};

/// What was found wrong.
pub(super) type Checked<T> = Result<T, String>;

fn wrong<T>(what: impl Into<String>) -> Checked<T> {
    Err(what.into())
}

/// One state of all of it.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) clients: Vec<Rc<Client>>,
    hashes: Vec<u64>,
    pub(super) backend: Backend,
    /// Pushes of connections that are gone: they arrive late, or never.
    late: Vec<Request>,
    drops: u8,
    duplicates: u8,
    crashes: u8,
}

impl State {
    pub(super) fn start(world: &World) -> Self {
        let clients: Vec<_> = (0..world.scripts.len()).map(|at| Rc::new(Client::start(at))).collect();
        let hashes = clients.iter().map(|client| hash(&**client)).collect();
        let Scope { drops, duplicates, crashes, .. } = world.scope;
        Self { clients, hashes, backend: Backend::default(), late: Vec::new(), drops, duplicates, crashes }
    }

    /// Names the state: equal states have equal names.
    pub(super) fn name(&self) -> u64 {
        hash(&(&self.hashes, &self.backend, &self.late, self.drops, self.duplicates, self.crashes))
    }

    fn client(&mut self, at: usize) -> &mut Client {
        Rc::make_mut(&mut self.clients[at])
    }

    /// The state after an action, checked.
    pub(super) fn after(&self, action: Action, world: &World) -> Checked<Self> {
        let mut state = self.clone();
        state.act(action, world)?;
        if let Some(at) = action.client() {
            state.hashes[at] = hash(&*state.clients[at]);
        }
        state.check(world)?;
        Ok(state)
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
