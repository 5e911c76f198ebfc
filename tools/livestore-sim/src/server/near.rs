//! The client's end of a connection to a server: what the sync client does, without its socket.

use super::Said;
use crate::client::STORE;
use livestore::{SyncError, SyncMessage, SyncRequest};
use livestore_sync_client::__testing::{Said as ToStore, output, request};
use livestore_sync_protocol::{ClientConnection, ClientInput, ClientOptions, ClientOutput};
use std::collections::VecDeque;
use std::time::Duration;

pub(crate) struct Near {
    machine: ClientConnection,
    told: VecDeque<SyncMessage>,
    is_over: bool,
}

impl Near {
    pub(crate) fn new() -> Self {
        let machine = ClientConnection::new(ClientOptions::new(STORE));
        Self { machine, told: VecDeque::new(), is_over: false }
    }

    /// What the store asks for, as frames.
    pub(crate) fn send(&mut self, asked: SyncRequest, now: Duration) -> Vec<String> {
        match request(asked) {
            Ok(input) => self.step(input, now),
            Err(refusal) => {
                self.told.push_back(SyncMessage::PushRefused(refusal));
                Vec::new()
            }
        }
    }

    pub(crate) fn hear(&mut self, said: Said, now: Duration) -> Vec<String> {
        match said {
            Said::Open => self.step(ClientInput::Open, now),
            Said::Frame(text) => self.step(ClientInput::Frame(text.as_bytes()), now),
            Said::Closed { code, reason } => self.step(ClientInput::Closed { code, reason }, now),
            Said::Refused(error) => {
                self.end(error);
                Vec::new()
            }
        }
    }

    pub(crate) fn tick(&mut self, now: Duration) -> Vec<String> {
        self.step(ClientInput::Tick, now)
    }

    /// The next message for the store, and what goes out as it takes it.
    pub(crate) fn next(&mut self, now: Duration) -> Option<(SyncMessage, Vec<String>)> {
        let message = self.told.pop_front()?;
        let is_page = matches!(message, SyncMessage::Page(_));
        let frames = if is_page { self.step(ClientInput::PageTaken, now) } else { Vec::new() };
        Some((message, frames))
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.told.is_empty()
    }

    /// When it wants to be looked after at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.machine.deadline().filter(|_| !self.is_over)
    }

    fn end(&mut self, error: SyncError) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.told.push_back(SyncMessage::Disconnected(error));
        }
    }

    fn step(&mut self, input: ClientInput<'_>, now: Duration) -> Vec<String> {
        let outputs: Vec<ClientOutput> = self.machine.step(input, now);
        let mut frames = Vec::new();
        for said in outputs {
            match output(said) {
                ToStore::Send(text) => frames.push(text),
                ToStore::Tell(message) if !self.is_over => self.told.push_back(message),
                ToStore::Tell(_) => {}
                ToStore::Over(error) => self.end(error),
            }
        }
        frames
    }
}
