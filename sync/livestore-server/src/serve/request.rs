//! What a request is, and whether it is let in.

use super::counted::Traffic;
use super::session::Session;
use super::{Server, guarded, health, http, websocket};
use crate::auth::{self, Pass};
use crate::limits::{ConnectionGuard, ConnectionRefused};
use crate::metrics::METRICS;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use livestore_sync_protocol::{ConnectError, ConnectRequest, Transport};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Why a request is not served; the text is for people.
pub(super) type Refusal = (StatusCode, String);

pub(super) async fn handle(State(server): State<Server>, request: Request) -> Response {
    // Names the connection in the log, and to its client, who can say it when something went wrong.
    let id = nanoid::nanoid!(8);
    let span = tracing::info_span!("connection", id);
    let mut response = respond(server, request).instrument(span).await;
    METRICS.answered(response.status().as_u16());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HeaderName::from_static("x-connection-id"), id);
    }
    response
}

async fn respond(server: Server, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let cors = cors(&server, &parts.headers);
    let mut response = match answer(&server, &mut parts, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().extend(cors);
    response
}

async fn answer(server: &Server, parts: &mut Parts, body: Body) -> Result<Response, Refusal> {
    check_origin(server, &parts.headers)?;
    if parts.method == Method::OPTIONS {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let connect = match ConnectRequest::parse(parts.uri.query().unwrap_or_default()) {
        Ok(connect) => connect,
        Err(error) => return not_sync(server, parts, &error).await,
    };
    let peer = peer(parts)?;
    let mut guard = accept(server, peer)?;
    let pass = enter(server, parts, &connect, peer, &mut guard).await?;
    match connect.transport {
        Transport::WebSocket => {
            let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
            let upgrade = upgrade.map_err(|error| (StatusCode::UPGRADE_REQUIRED, error.body_text()))?;
            let session = open(server, &connect, pass).await?;
            // Where the server is mounted in another one, it does not see what moves.
            let traffic = parts.extensions.get::<Arc<Traffic>>().map(Arc::clone).unwrap_or_default();
            Ok(websocket_response(server, upgrade, session, traffic, guard))
        }
        Transport::Http if parts.method == Method::POST => {
            let session = open(server, &connect, pass).await?;
            let body = read_body(server, body).await?;
            let setting = (server.shared.options.clone(), &server.shared.limits);
            Ok(http::answer(session, &body, setting, guard))
        }
        Transport::Http => Err((StatusCode::METHOD_NOT_ALLOWED, "sync over HTTP is by POST".into())),
    }
}

/// A request without the query of a sync request is about something else.
async fn not_sync(server: &Server, parts: &Parts, error: &ConnectError) -> Result<Response, Refusal> {
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/healthz") => Ok("ok".into_response()),
        (&Method::GET, "/readyz") => Ok(health::readiness(server).await),
        (&Method::GET, "/") if parts.uri.query().is_none() => Ok("A LiveStore sync backend.\n".into_response()),
        _ => Err((StatusCode::BAD_REQUEST, error.to_string())),
    }
}

fn peer(parts: &Parts) -> Result<IpAddr, Refusal> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip()).ok_or_else(|| {
        tracing::error!("the server was mounted without the peer's address (`ConnectInfo<SocketAddr>`)");
        (StatusCode::INTERNAL_SERVER_ERROR, "the server is not set up".to_owned())
    })
}

fn accept(server: &Server, peer: IpAddr) -> Result<ConnectionGuard, Refusal> {
    server.shared.connections.accept(peer).map_err(too_many)
}

fn too_many(error: ConnectionRefused) -> Refusal {
    METRICS.connections_refused.add(1);
    (StatusCode::TOO_MANY_REQUESTS, error.to_string())
}

/// Finds out who it is and whether they may read the store, before anything of the store is looked at.
async fn enter(
    server: &Server,
    parts: &Parts,
    connect: &ConnectRequest,
    peer: IpAddr,
    guard: &mut ConnectionGuard,
) -> Result<Pass, Refusal> {
    let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers = auth::RequestHeaders::new(headers);
    let refuse = |refusal: auth::Refusal| {
        METRICS.refused(&refusal);
        tracing::info!(store = connect.store_id, %peer, %refusal, "somebody is not let in");
        let (status, text) = refusal.public();
        (StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), text.to_owned())
    };
    let payload = connect.payload.as_ref();
    let info = auth::ConnectInfo::new(&connect.store_id, payload, &headers, peer, SystemTime::now()).map_err(refuse)?;
    let pass = server.shared.gate.enter(&info).await.map_err(refuse)?;
    if let Some(name) = pass.principal().name() {
        guard.identify(name).map_err(too_many)?;
    }
    Ok(pass)
}

async fn open(server: &Server, connect: &ConnectRequest, pass: Pass) -> Result<Session, Refusal> {
    let opening = server.shared.hub.open(&connect.store_id);
    // What exactly is wrong is in the server's log.
    let refusal = || (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be opened now".to_owned());
    let opened = tokio::time::timeout(server.shared.limits.request_max, opening).await;
    let store = opened.map_err(|_| refusal())?.map_err(|_| refusal())?;
    Ok(Session { store, gate: server.shared.gate.clone(), pass, seat: None })
}

fn websocket_response(
    server: &Server,
    upgrade: WebSocketUpgrade,
    session: Session,
    traffic: Arc<Traffic>,
    guard: ConnectionGuard,
) -> Response {
    let limits = &server.shared.limits;
    let (setting, end) = ((server.shared.options.clone(), limits.clone()), server.shared.end.subscribe());
    let upgrade = upgrade.max_frame_size(limits.frame_bytes_max).max_message_size(limits.frame_bytes_max);
    let upgrade = upgrade.read_buffer_size(limits.read_buffer_bytes).write_buffer_size(0);
    let span = tracing::Span::current();
    upgrade.on_upgrade(async move |socket| {
        let store = session.store.store_id().to_owned();
        span.in_scope(|| tracing::info!(store, principal = session.pass.principal().name(), "connected"));
        let serving = guarded("a connection", websocket::serve(socket, session, setting, traffic, end));
        serving.instrument(span.clone()).await;
        span.in_scope(|| tracing::info!(store, "disconnected"));
        drop(guard);
    })
}

/// So much of a body has to come within [`ServerLimits::request_max`](crate::limits::ServerLimits::request_max): a slow line is not
/// a dead one.
const BODY_BYTES_MIN: usize = 4 << 10;

async fn read_body(server: &Server, body: Body) -> Result<Vec<u8>, Refusal> {
    let limits = &server.shared.limits;
    let (mut parts, mut came, mut moved) = (body.into_data_stream(), Vec::new(), 0);
    let mut deadline = Instant::now() + limits.request_max;
    loop {
        let part = match tokio::time::timeout_at(deadline, parts.next()).await {
            Ok(Some(Ok(part))) if came.len() + part.len() <= limits.frame_bytes_max => part,
            Ok(None) => return Ok(came),
            Ok(Some(_)) => {
                let text = format!("the body cannot be read, or has more than {} bytes", limits.frame_bytes_max);
                return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time".into())),
        };
        moved += part.len();
        came.extend_from_slice(&part);
        if moved >= BODY_BYTES_MIN {
            (moved, deadline) = (0, Instant::now() + limits.request_max);
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn check_origin(server: &Server, headers: &HeaderMap) -> Result<(), Refusal> {
    let (origin, host) = (text(headers, header::ORIGIN), text(headers, header::HOST));
    server.shared.origins.check(origin, host).map_err(|error| (StatusCode::FORBIDDEN, error.to_string()))
}

fn cors(server: &Server, headers: &HeaderMap) -> HeaderMap {
    let asked = text(headers, header::ACCESS_CONTROL_REQUEST_HEADERS);
    let cors = server.shared.origins.cors(text(headers, header::ORIGIN), text(headers, header::HOST), asked);
    let cors = cors
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)));
    cors.collect()
}
