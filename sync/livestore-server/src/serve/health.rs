//! Whether the server works, and how much it does.

use super::Server;
use crate::metrics::Text;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::time::Duration;
use tokio::time::Instant;

/// How long the storage may take to show that it works.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// For how long it is believed: anybody may ask, and shall not cost the storage a read each time.
const BELIEVED: Duration = Duration::from_secs(1);

/// The last look at the storage, and what it showed.
pub(super) type Looked = tokio::sync::Mutex<Option<(Instant, bool)>>;

impl Server {
    /// Whether clients can be served: the storage answers, and the server is not being stopped.
    pub async fn is_ready(&self) -> bool {
        if self.shared.end.borrow().is_some() {
            return false;
        }
        let mut looked = self.shared.looked.lock().await;
        if let Some((_, was_ready)) = looked.filter(|(at, _)| at.elapsed() < BELIEVED) {
            return was_ready;
        }
        let answer = tokio::time::timeout(ANSWER_MAX, self.hub().storage().stores(None, 1)).await;
        let is_ready = matches!(answer, Ok(Ok(_)));
        *looked = Some((Instant::now(), is_ready));
        is_ready
    }

    /// All numbers, in the text format of Prometheus. Counters are those of the process.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = Text::of_process();
        text.gauge("connections", "Connections that there are", self.connections() as u64);
        text.gauge("stores_open", "Stores that are open", self.hub().open_stores() as u64);
        text.into_string()
    }

    /// `/metrics`, `/healthz` and `/readyz` as a service of its own, for an address that only those reach who watch the server.
    pub fn watch_router(&self) -> Router {
        let (ready, metrics) = (self.clone(), self.clone());
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(async move || readiness(&ready).await))
            .route(
                "/metrics",
                get(async move || ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.metrics())),
            )
    }
}

pub(super) async fn readiness(server: &Server) -> Response {
    if server.is_ready().await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}
