/// What a decoder takes at most, so that any bytes cost bounded memory and time.
///
/// The defaults fit everything that clients and servers of this protocol send; each is checked at its edge by a test.
///
/// ```
/// use livestore_sync_protocol::{DecodeError, Limits, decode_client_frame};
///
/// let limits = Limits { frame_bytes: 10, ..Limits::default() };
/// let error = decode_client_frame(br#"{"_tag":"Ping"}"#, &limits).unwrap_err();
/// assert_eq!(error, DecodeError::TooLarge { what: "frame", bytes: 15, max: 10 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a frame or an HTTP body. Clients send up to 900,000 bytes and an envelope (measured on sync-cf 0.4.0).
    pub frame_bytes: usize,
    /// The envelopes of one frame; sync-cf 0.4.0 sends one, its successor may send several.
    pub envelopes: usize,
    /// The events of one batch, pushed or pulled: a whole commit group of the largest size.
    pub batch_events: usize,
    /// How deep the args of an event may nest: `[[1]]` is two deep. The envelope's own levels come on top.
    pub depth: usize,
    /// The bytes of one name, id or other text outside args.
    pub text_bytes: usize,
    /// The bytes of one event as JSON.
    pub event_bytes: usize,
}

impl Limits {
    /// The most bytes of a sync message as JSON, without its envelope: what sync-cf 0.4.0 cuts its pages and pushes at.
    pub const MESSAGE_BYTES: usize = 900_000;
    /// The most events of one page or push; sync-cf 0.4.0 cuts there. Only a single larger commit group goes beyond it, between
    /// a client and a server that both keep groups.
    pub const MESSAGE_EVENTS: usize = 100;
    /// The most events of one commit group.
    pub const GROUP_EVENTS: usize = 1_000;
    /// The most payload bytes (names and args) of one commit group.
    pub const GROUP_BYTES: usize = 900_000;
    /// The bytes that one event of a commit group may have around its payload, on the average: ids, numbers, what stands around it.
    pub const EVENT_AROUND_BYTES: usize = 1_024;
    /// The largest sequence number: JavaScript's numbers are exact up to it.
    pub const NUMBER: u64 = (1 << 53) - 1;
    /// The levels of a frame above the args of an event: frame, chunk, values, response, batch, item, event.
    pub const ENVELOPE_DEPTH: usize = 8;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 4 << 20,
            envelopes: 256,
            batch_events: Self::GROUP_EVENTS,
            depth: 64,
            text_bytes: 256 << 10,
            event_bytes: Self::MESSAGE_BYTES,
        }
    }
}
