//! What the tests of authentication share.

use livestore_server::auth::{ConnectInfo, Gate, Pass, Refusal, RequestHeaders};
use livestore_sync_protocol::RawJson;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Where a client puts its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Payload,
    Header,
    Both,
}

pub(crate) const PLACES: [Place; 3] = [Place::Payload, Place::Header, Place::Both];

/// A moment of the tests' clock.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000 + seconds)
}

/// Connects with a token in a place.
pub(crate) async fn enter(
    gate: &Gate,
    token: Option<&str>,
    place: Place,
    store_id: &str,
    now: SystemTime,
) -> Result<Pass, Refusal> {
    let in_payload = token.filter(|_| place != Place::Header);
    let payload = in_payload.map(|token| RawJson::new(serde_json::json!({ "authToken": token }).to_string()).unwrap());
    let bearer = token.filter(|_| place != Place::Payload).map(|token| format!("Bearer {token}"));
    let headers = RequestHeaders::new(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let connect = ConnectInfo::new(store_id, payload.as_ref(), &headers, [127, 0, 0, 1].into(), now)?;
    gate.enter(&connect).await
}

/// The status that a client sees; 200 when it is let in.
pub(crate) fn status<T>(result: &Result<T, Refusal>) -> u16 {
    result.as_ref().err().map_or(200, |refusal| refusal.public().0)
}

/// Everything that is logged, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Arc<Mutex<String>>);

impl Captured {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Captures what this thread logs until the guard is dropped.
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let captured = Self::default();
        let guard = tracing::subscriber::set_default(captured.clone());
        (captured, guard)
    }
}

impl Visit for &Captured {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Captured {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut &*self);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
        self.0.lock().unwrap().push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
