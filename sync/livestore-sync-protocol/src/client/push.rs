//! One push: a message, or one after the other where the server takes no larger ones.

use crate::json::len_of;
use crate::{BackendId, BatchError, Call, Event, Groups, Limits, PushRequest, RawJson, RequestId, split_push};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Push {
    pub(super) id: RequestId,
    pub(super) deadline: Duration,
    rest: VecDeque<Vec<Event>>,
    backend_id: Option<BackendId>,
}

impl Push {
    /// The messages of a push. A server that keeps no groups gets neither them nor ids, and at most 100 events at once: what it
    /// accepts of them before it refuses one is in its log, and comes back with the pull.
    pub(super) fn messages(
        mut events: Vec<Event>,
        backend_id: Option<BackendId>,
        keeps_identity: bool,
        store_id: &str,
        payload: Option<&RawJson>,
        limits: &Limits,
    ) -> Result<Self, BatchError> {
        let groups = if keeps_identity { Groups::Whole } else { Groups::Cut };
        if !keeps_identity {
            events.iter_mut().for_each(|event| (event.id, event.rest) = (None, None));
        }
        let mut push = Self { id: RequestId::Number(0), deadline: Duration::ZERO, rest: VecDeque::new(), backend_id };
        let envelope = len_of(&push.call(store_id, payload, Vec::new()));
        push.rest = split_push(events, groups, envelope, limits)?.into();
        Ok(push)
    }

    /// The next message, if there is one.
    pub(super) fn next(&mut self, store_id: &str, payload: Option<&RawJson>) -> Option<Call> {
        let batch = self.rest.pop_front()?;
        Some(self.call(store_id, payload, batch))
    }

    fn call(&self, store_id: &str, payload: Option<&RawJson>, batch: Vec<Event>) -> Call {
        let backend_id = self.backend_id.as_ref().map(|id| id.as_str().into());
        Call::Push(PushRequest { store_id: store_id.to_owned(), payload: payload.cloned(), batch, backend_id })
    }
}
