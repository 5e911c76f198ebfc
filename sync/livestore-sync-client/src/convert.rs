//! Between the store's words and those of the wire.

use livestore::{BackendId, PageInfo, PushRefusal, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest};
use livestore_sync_protocol as wire;

/// What a machine's output is to a store.
#[derive(Debug)]
pub enum Said {
    /// To be sent.
    Send(String),
    /// For the store.
    Tell(SyncMessage),
    /// The connection is over.
    Over(SyncError),
}

/// What a machine says, as a store hears it.
#[must_use]
pub fn output(output: wire::ClientOutput) -> Said {
    match output {
        wire::ClientOutput::Send(text) => Said::Send(text),
        wire::ClientOutput::Connected => Said::Tell(SyncMessage::Connected),
        wire::ClientOutput::Page(found) => Said::Tell(SyncMessage::Page(page(found))),
        wire::ClientOutput::Pushed => Said::Tell(SyncMessage::Pushed),
        wire::ClientOutput::PushRefused(why) => Said::Tell(SyncMessage::PushRefused(refusal(why))),
        wire::ClientOutput::Pong => Said::Tell(SyncMessage::Pong),
        wire::ClientOutput::Close(why) => Said::Over(error(why)),
    }
}

/// A store's request for a machine; or why a push can never be sent.
///
/// # Errors
/// An event that the wire does not carry.
pub fn request(request: SyncRequest) -> Result<wire::ClientInput<'static>, PushRefusal> {
    let backend = |id: Option<BackendId>| id.as_ref().and_then(backend_to_wire);
    Ok(match request {
        SyncRequest::Pull { after, backend_id, live } => {
            wire::ClientInput::Pull { after, backend_id: backend(backend_id), live }
        }
        SyncRequest::Push { backend_id, events } => {
            let events = to_wire(events)?;
            check_chain(&events)?;
            wire::ClientInput::Push { backend_id: backend(backend_id), events }
        }
        SyncRequest::Ping => wire::ClientInput::Ping,
    })
}

/// The events of a push; or why one of them can never be sent.
fn to_wire(events: Vec<SyncEvent>) -> Result<Vec<wire::Event>, PushRefusal> {
    events.into_iter().map(event_to_wire).collect()
}

/// The server of sync-cf 0.4.0 stores batches with gaps (measured), which no client could pull.
fn check_chain(events: &[wire::Event]) -> Result<(), PushRefusal> {
    wire::check_chain(events).map_err(|error| {
        let first = events.first().map_or(0, |first| first.number);
        let number = if let wire::BatchError::Gap { number, .. } = &error { *number } else { first };
        PushRefusal::Rejected { number, reason: error.to_string() }
    })
}

fn event_to_wire(event: SyncEvent) -> Result<wire::Event, PushRefusal> {
    let number = event.number;
    let reject = |reason: String| PushRefusal::Rejected { number, reason };
    if number > wire::Limits::NUMBER {
        return Err(reject(format!("e{number} is beyond e{}, the last number there can be", wire::Limits::NUMBER)));
    }
    let args = event.args.map(|args| wire::RawJson::new(String::from(args))).transpose();
    Ok(wire::Event {
        number,
        parent: event.parent,
        name: event.name,
        args: args.map_err(|error| reject(format!("its args cannot be sent: {error}")))?,
        client_id: event.client_id,
        session_id: event.session_id,
        id: event.id.map(|id| wire::EventId(*id.as_bytes())),
        rest: event.rest,
    })
}

fn event_from_wire(event: wire::Event) -> Option<SyncEvent> {
    // The same 32 digits on both sides.
    let id = event.id.map(|id| id.to_string().parse()).transpose().ok()?;
    Some(SyncEvent {
        number: event.number,
        parent: event.parent,
        name: event.name,
        args: event.args.map(wire::RawJson::into_text),
        client_id: event.client_id,
        session_id: event.session_id,
        id,
        rest: event.rest,
    })
}

/// An id that the wire does not carry is surely not this backend's; it is sent as one that no backend has, so that the backend says
/// who it is.
fn backend_to_wire(id: &BackendId) -> Option<wire::BackendId> {
    wire::BackendId::new(id.as_str()).or_else(|_| wire::BackendId::new("livestore.unknown")).ok()
}

fn backend_from_wire(id: &wire::BackendId) -> BackendId {
    BackendId::new(id.as_str())
}

fn page(page: wire::Page) -> SyncPage {
    let info = match page.info {
        wire::PageInfo::NoMore => PageInfo::Last,
        wire::PageInfo::MoreKnown { remaining } => PageInfo::More(remaining),
        wire::PageInfo::MoreUnknown => PageInfo::MoreUnknown,
    };
    SyncPage {
        backend_id: backend_from_wire(&page.backend_id),
        keeps_identity: page.keeps_identity,
        events: page.events.into_iter().filter_map(event_from_wire).collect(),
        info,
        head: page.head,
    }
}

fn refusal(refusal: wire::Refusal) -> PushRefusal {
    match refusal {
        wire::Refusal::ServerAhead { head } => PushRefusal::ServerAhead { head },
        wire::Refusal::Rejected { number, reason } => PushRefusal::Rejected { number, reason },
        wire::Refusal::OtherBackend { found } => PushRefusal::OtherBackend { found: backend_from_wire(&found) },
        wire::Refusal::Busy { reason } => PushRefusal::Busy { reason },
    }
}

fn error(error: wire::Disconnect) -> SyncError {
    match error {
        wire::Disconnect::Offline { reason } => SyncError::Offline { reason },
        wire::Disconnect::Unauthorized { reason } => SyncError::Unauthorized { reason },
        wire::Disconnect::Protocol { reason } => SyncError::Protocol { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(args: Option<&str>) -> SyncEvent {
        SyncEvent {
            number: 7,
            parent: 6,
            name: "v1.Added".into(),
            args: args.map(Into::into),
            client_id: "client".into(),
            session_id: "session".into(),
            id: Some("00112233445566778899aabbccddeeff".parse().unwrap()),
            rest: Some(3),
        }
    }

    #[test]
    fn events_are_the_same_on_both_sides() {
        for args in [None, Some("null"), Some("{ \"a\" : 1.50 }"), Some("\"\u{1F600}\"")] {
            let sent = to_wire(vec![event(args)]).unwrap().remove(0);
            assert_eq!(event_from_wire(sent), Some(event(args)));
        }
    }

    #[test]
    fn args_that_cannot_be_sent_are_rejected() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        for args in ["", "{", "1 2", &deep] {
            let refused = to_wire(vec![event(None), event(Some(args))]);
            assert!(matches!(refused, Err(PushRefusal::Rejected { number: 7, .. })), "{args}: {refused:?}");
        }
    }

    #[test]
    fn a_backend_id_that_the_wire_does_not_carry_is_another() {
        let sent = backend_to_wire(&BackendId::new("with a space")).unwrap();
        assert_ne!(backend_from_wire(&sent), BackendId::new("with a space"));
    }
}
