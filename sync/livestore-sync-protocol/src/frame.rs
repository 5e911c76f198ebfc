//! Frames of a WebSocket, and bodies of HTTP.

use crate::json::{Bounded, checked_text, not_json};
use crate::{ClientEnvelope, DecodeError, Limits, ServerEnvelope};
use serde_json::value::RawValue;

/// More envelopes than any limit allows are not even kept apart.
const ENVELOPES_MAX: usize = 1_024;

/// Reads what a client sent: a frame, text or binary, or the body of an HTTP request.
///
/// Clients of sync-cf 0.4.0 send one envelope per frame; an array of them is read too, as the server of August 2026 does.
///
/// # Errors
/// The bytes are no frame: see [`DecodeError`]. A request with an unknown method or a bad payload is none of these errors, it is
/// told by [`Request::call`](crate::Request::call), because it has an id and so an answer.
///
/// ```
/// use livestore_sync_protocol::{Call, ClientEnvelope, Limits, Transport, decode_client_frame};
///
/// let frame = br#"{"_tag":"Request","id":"0","tag":"SyncWsRpc.Pull","headers":[],
///     "payload":{"storeId":"todos","live":true,"cursor":{"_tag":"None"}}}"#;
/// let limits = Limits::default();
/// let envelopes = decode_client_frame(frame, &limits)?;
/// let [ClientEnvelope::Request(request)] = &envelopes[..] else { panic!("it is one request") };
/// let Call::Pull(pull) = request.call(Transport::WebSocket, &limits)? else { panic!("it is a pull") };
/// assert_eq!(pull.store_id, "todos");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_client_frame<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<ClientEnvelope<'a>>, DecodeError> {
    let texts = envelopes(checked_text(bytes, "frame", limits)?, limits)?;
    texts.into_iter().map(|text| ClientEnvelope::decode(text, limits)).collect()
}

/// Reads what a server sent: a frame, or the body of an HTTP response.
///
/// # Errors
/// As for [`decode_client_frame`].
pub fn decode_server_frame(bytes: &[u8], limits: &Limits) -> Result<Vec<ServerEnvelope>, DecodeError> {
    let texts = envelopes(checked_text(bytes, "frame", limits)?, limits)?;
    texts.into_iter().map(|text| ServerEnvelope::decode(text, limits)).collect()
}

/// The texts of the envelopes in a frame.
fn envelopes<'a>(text: &'a str, limits: &Limits) -> Result<Vec<&'a str>, DecodeError> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    let array: Bounded<&'a RawValue, ENVELOPES_MAX> = serde_json::from_str(text).map_err(not_json)?;
    let array = array.within("envelopes in a frame", limits.envelopes)?;
    Ok(array.into_iter().map(RawValue::get).collect())
}

/// Puts a frame or a body together that comes in parts, up to a limit.
///
/// ```
/// use livestore_sync_protocol::{FrameBuffer, Limits, decode_server_frame};
/// let limits = Limits::default();
/// let mut buffer = FrameBuffer::new(&limits);
/// buffer.push(br#"[{"_tag":"#)?;
/// buffer.push(br#""Pong"}]"#)?;
/// assert_eq!(decode_server_frame(buffer.bytes(), &limits)?.len(), 1);
/// # Ok::<(), livestore_sync_protocol::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    max: usize,
}

impl FrameBuffer {
    /// An empty one, for at most [`Limits::frame_bytes`].
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self { bytes: Vec::new(), max: limits.frame_bytes }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// There would be too many bytes. Nothing is added.
    pub fn push(&mut self, part: &[u8]) -> Result<(), DecodeError> {
        let bytes = self.bytes.len().saturating_add(part.len());
        if bytes > self.max {
            return Err(DecodeError::TooLarge { what: "frame", bytes, max: self.max });
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// What came so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
