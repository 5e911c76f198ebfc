//! Three clients, each a session over a leader, and one backend. Every message is in flight for a while.

mod action;
mod backend;
mod check;
mod client;
mod name;
mod world;

use backend::{Backend, Request};
use client::Client;
use name::name_of;
use std::rc::Rc;

pub(super) use action::Action;
pub(super) use name::{Name, Named};
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
    names: Vec<Name>,
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
        let names = clients.iter().map(|client| name_of(&**client)).collect();
        let Scope { drops, duplicates, crashes, .. } = world.scope;
        Self { clients, names, backend: Backend::default(), late: Vec::new(), drops, duplicates, crashes }
    }

    /// Equal states have equal names, and others have others.
    pub(super) fn name(&self) -> Name {
        name_of(&(&self.names, &self.backend, &self.late, self.drops, self.duplicates, self.crashes))
    }

    fn client(&mut self, at: usize) -> &mut Client {
        Rc::make_mut(&mut self.clients[at])
    }

    /// The state after an action, checked.
    pub(super) fn after(&self, action: Action, world: &World) -> Checked<Self> {
        let mut state = self.clone();
        state.act(action, world)?;
        if let Some(at) = action.client() {
            state.names[at] = name_of(&*state.clients[at]);
        }
        state.check(world)?;
        Ok(state)
    }

    /// Keeps each client's state in one place, however many states of the whole it is a part of.
    pub(super) fn share(&mut self, known: &mut Named<Rc<Client>>) {
        for (client, name) in self.clients.iter_mut().zip(&self.names) {
            *client = Rc::clone(known.entry(*name).or_insert_with(|| Rc::clone(client)));
        }
    }
}
