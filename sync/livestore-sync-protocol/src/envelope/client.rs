use super::{read, required, unknown};
use crate::json::text_of;
use crate::{Call, CallError, DecodeError, Limits, RequestId, Transport};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a client sends.
#[derive(Clone, Debug)]
pub enum ClientEnvelope<'a> {
    /// A call of a method.
    Request(Request<'a>),
    /// A chunk of this request arrived: the next one may come. Over a WebSocket only.
    Ack(RequestId),
    /// Nobody waits for this request any more. Clients of sync-cf 0.4.0 send it for every push, most of them answered already.
    Interrupt(RequestId),
    /// Is anybody there? Sent at once after the connection stands, and every ten seconds.
    Ping,
    /// No request will follow. Never seen.
    Eof,
}

/// A request, whose payload was not looked into yet: a bad one can still be answered.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Chosen by the client; what answers it repeats it.
    pub id: RequestId,
    /// The method's name.
    pub method: Cow<'a, str>,
    /// What the method takes; `None` where the field is absent.
    pub payload: Option<Cow<'a, RawValue>>,
    headers: Option<Cow<'a, RawValue>>,
    trace_id: Option<Cow<'a, RawValue>>,
    span_id: Option<Cow<'a, RawValue>>,
    sampled: Option<Cow<'a, RawValue>>,
}

impl Request<'_> {
    /// A request as this project's client writes it.
    #[must_use]
    pub fn new(id: RequestId, call: &Call, transport: Transport) -> Request<'static> {
        Request {
            id,
            method: call.method(transport).into(),
            payload: Some(Cow::Owned(crate::RawJson::of(call).raw().to_owned())),
            headers: None,
            trace_id: None,
            span_id: None,
            sampled: None,
        }
    }

    /// The call that it is.
    ///
    /// # Errors
    /// The method is none of the transport's, or its payload is not what it takes.
    pub fn call(&self, transport: Transport, limits: &Limits) -> Result<Call, CallError> {
        Call::decode(&self.method, self.payload.as_deref().unwrap_or(RawValue::NULL), transport, limits)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default, rename = "_tag")]
    _tag: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<RequestId>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tag: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    headers: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sampled: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
}

impl<'a> Wire<'a> {
    fn tagged(tag: &'a str) -> Self {
        Self {
            _tag: Some(tag.into()),
            id: None,
            tag: None,
            payload: None,
            headers: None,
            trace_id: None,
            span_id: None,
            sampled: None,
            request_id: None,
        }
    }
}

impl<'a> ClientEnvelope<'a> {
    pub(crate) fn decode(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let wire: Wire<'a> = read("envelope", text)?;
        match wire._tag.as_deref() {
            Some("Request") => Self::request(wire, limits),
            Some("Ack") => Ok(Self::Ack(required("ack", "requestId", wire.request_id)?)),
            Some("Interrupt") => Ok(Self::Interrupt(required("interrupt", "requestId", wire.request_id)?)),
            Some("Ping") => Ok(Self::Ping),
            Some("Eof") => Ok(Self::Eof),
            tag => Err(unknown(tag)),
        }
    }

    fn request(wire: Wire<'a>, limits: &Limits) -> Result<Self, DecodeError> {
        let method = required("request", "tag", wire.tag)?;
        crate::message::check_text("method name", &method, limits)?;
        Ok(Self::Request(Request {
            id: required("request", "id", wire.id)?,
            method,
            payload: wire.payload.map(Cow::Borrowed),
            headers: wire.headers.map(Cow::Borrowed),
            trace_id: wire.trace_id.map(Cow::Borrowed),
            span_id: wire.span_id.map(Cow::Borrowed),
            sampled: wire.sampled.map(Cow::Borrowed),
        }))
    }

    /// The envelope as the text of a frame.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Request(request) => {
                // The server of sync-cf 0.4.0 wants the headers, empty ones too.
                let no_headers = crate::RawJson::of(&[(); 0]);
                text_of(&Wire {
                    id: Some(request.id.clone()),
                    tag: Some(Cow::Borrowed(&request.method)),
                    payload: request.payload.as_deref(),
                    headers: request.headers.as_deref().or(Some(no_headers.raw())),
                    trace_id: request.trace_id.as_deref(),
                    span_id: request.span_id.as_deref(),
                    sampled: request.sampled.as_deref(),
                    ..Wire::tagged("Request")
                })
            }
            Self::Ack(id) => text_of(&Wire { request_id: Some(id.clone()), ..Wire::tagged("Ack") }),
            Self::Interrupt(id) => text_of(&Wire { request_id: Some(id.clone()), ..Wire::tagged("Interrupt") }),
            Self::Ping => text_of(&Wire::tagged("Ping")),
            Self::Eof => text_of(&Wire::tagged("Eof")),
        }
    }
}
