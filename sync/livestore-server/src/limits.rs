//! What one connection, one principal, one address and one store may cost the server.
//!
//! All of it is without input or output: time is passed in, as the [`Duration`] since any fixed moment of a clock that never jumps.
//! [`ServerLimits`] holds the numbers; [`Connections`] counts who is here, [`ReadPace`] says when to read on, [`Outbox`] bounds what
//! waits to be sent, [`Deadlines`] says when a silent peer is given up.
//!
//! Size and depth of frames are the decoder's to check: `livestore_sync_protocol::Limits`.

mod connections;
mod deadlines;
mod outbox;
mod pace;

pub use connections::{ConnectionGuard, ConnectionRefused, Connections};
pub use deadlines::{Deadlines, Expired};
pub use outbox::Outbox;
pub use pace::{Bucket, Pace, ReadPace};

use livestore_sync_protocol::Limits;
use std::time::Duration;

/// The limits of a server. Every field may be changed before the server starts; [`ServerLimits::check`] then finds what cannot work.
///
/// ```
/// use livestore_server::limits::ServerLimits;
///
/// let limits = ServerLimits { connections_per_address_max: 10_000, ..ServerLimits::default() };
/// limits.check()?;
/// # Ok::<(), livestore_server::limits::LimitsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// The bytes of one frame or one HTTP body. 4 MiB: the largest push has 900,000 bytes.
    pub frame_bytes_max: usize,
    /// Live pulls of one connection on its store. 1: a second would only repeat the first.
    pub live_pulls_max: usize,
    /// Bytes that a socket reads ahead. 16 KiB: more costs memory per idle connection and gains nothing.
    pub read_buffer_bytes: usize,
    /// How long a peer may take from its first byte to the end of its handshake. 5 s.
    pub handshake_max: Duration,
    /// How long a peer may be silent before it is pinged; after twice that it is cut off. 20 s.
    pub ping_after: Duration,
    /// How long one request may take: a body to arrive, or 4 KiB more of it; a hook to answer. 10 s.
    pub request_max: Duration,
    /// How often an open connection's rights are asked for again. 10 s: with the second that a file is believed, a withdrawn
    /// right is gone within 30.
    pub recheck_after: Duration,
    /// Connections of one authenticated principal. 16.
    pub connections_per_principal_max: usize,
    /// Connections from one address (of IPv6 the first 64 bits). 64.
    pub connections_per_address_max: usize,
    /// Connections of the whole server. 10,000.
    pub connections_max: usize,
    /// Events that one connection may push. 200 a second, 2,000 at once.
    pub connection_pace: Pace,
    /// Events that all connections together may push to one store. 5,000 a second, 5,000 at once.
    pub store_pace: Pace,
    /// Bytes that may wait for one connection to read them, beside one page. 1 MiB, then nothing more is asked of it.
    pub outbound_bytes_max: usize,
    /// Frames that may wait for one connection to read them. 1,024.
    pub outbound_frames_max: usize,
    /// How long one frame, or one part of a response, may take to be read, or 4 KiB more of it. 20 s, then the connection is closed.
    pub stalled_max: Duration,
    /// Events of one store; `None` for as many as there is room for.
    pub store_events_max: Option<u64>,
}

/// The longest time that a withdrawn right may still work on an open connection.
pub const REVOCATION_MAX: Duration = Duration::from_secs(30);

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 4 << 20,
            live_pulls_max: 1,
            read_buffer_bytes: 16 << 10,
            handshake_max: Duration::from_secs(5),
            ping_after: Duration::from_secs(20),
            request_max: Duration::from_secs(10),
            recheck_after: Duration::from_secs(10),
            connections_per_principal_max: 16,
            connections_per_address_max: 64,
            connections_max: 10_000,
            connection_pace: Pace { events_per_second: 200, burst: 2_000 },
            store_pace: Pace { events_per_second: 5_000, burst: 5_000 },
            outbound_bytes_max: 1 << 20,
            outbound_frames_max: 1_024,
            stalled_max: Duration::from_secs(20),
            store_events_max: None,
        }
    }
}

/// Limits with which no server can work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// A limit of nothing.
    #[error("`{name}` is 0; give it at least 1")]
    Zero {
        /// The field.
        name: &'static str,
    },
    /// A limit below another that it has to hold.
    #[error("`{name}` is {value}, less than the {least} of `{other}`")]
    Below {
        /// The field.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What has to fit.
        other: &'static str,
        /// What it needs.
        least: usize,
    },
    /// Rights are asked for so rarely that a withdrawn one works for too long.
    #[error("`recheck_after` is {value:?}, at most {max:?}, so that a withdrawn right ends in time")]
    RecheckTooRare {
        /// Its value.
        value: Duration,
        /// What it may be.
        max: Duration,
    },
}

impl ServerLimits {
    /// Whether a server can work with these.
    ///
    /// # Errors
    ///
    /// A limit is 0, is below what it has to hold, or lets a withdrawn right live for more than [`REVOCATION_MAX`].
    pub fn check(&self) -> Result<(), LimitsError> {
        for (name, is_zero) in self.zeros() {
            if is_zero {
                return Err(LimitsError::Zero { name });
            }
        }
        // What a message may have is the protocol's: clients cut there, and take no less for an answer.
        let message = ("Limits::MESSAGE_BYTES", Limits::MESSAGE_BYTES);
        for (name, value) in
            [("frame_bytes_max", self.frame_bytes_max), ("outbound_bytes_max", self.outbound_bytes_max)]
        {
            if value < message.1 {
                return Err(LimitsError::Below { name, value, other: message.0, least: message.1 });
            }
        }
        // A file is believed for a second, and a hook may take `request_max` to say no.
        let max = REVOCATION_MAX.saturating_sub(self.request_max).saturating_sub(Duration::from_secs(1));
        if self.recheck_after > max {
            return Err(LimitsError::RecheckTooRare { value: self.recheck_after, max });
        }
        Ok(())
    }

    fn zeros(&self) -> [(&'static str, bool); 16] {
        [
            ("frame_bytes_max", self.frame_bytes_max == 0),
            ("live_pulls_max", self.live_pulls_max == 0),
            ("read_buffer_bytes", self.read_buffer_bytes == 0),
            ("handshake_max", self.handshake_max.is_zero()),
            ("ping_after", self.ping_after.is_zero()),
            ("request_max", self.request_max.is_zero()),
            ("recheck_after", self.recheck_after.is_zero()),
            ("connections_per_principal_max", self.connections_per_principal_max == 0),
            ("connections_per_address_max", self.connections_per_address_max == 0),
            ("connections_max", self.connections_max == 0),
            ("connection_pace", self.connection_pace.is_zero()),
            ("store_pace", self.store_pace.is_zero()),
            ("outbound_bytes_max", self.outbound_bytes_max == 0),
            ("outbound_frames_max", self.outbound_frames_max == 0),
            ("stalled_max", self.stalled_max.is_zero()),
            ("store_events_max", self.store_events_max == Some(0)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work() {
        assert_eq!(ServerLimits::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_work_is_named() {
        let check = |change: fn(&mut ServerLimits)| {
            let mut limits = ServerLimits::default();
            change(&mut limits);
            limits.check().unwrap_err().to_string()
        };
        assert_eq!(check(|limits| limits.connections_max = 0), "`connections_max` is 0; give it at least 1");
        assert_eq!(check(|limits| limits.store_events_max = Some(0)), "`store_events_max` is 0; give it at least 1");
        let short = check(|limits| limits.outbound_bytes_max = 899_999);
        assert_eq!(short, "`outbound_bytes_max` is 899999, less than the 900000 of `Limits::MESSAGE_BYTES`");
        let rare = check(|limits| limits.recheck_after = Duration::from_millis(19_001));
        assert_eq!(rare, "`recheck_after` is 19.001s, at most 19s, so that a withdrawn right ends in time");
    }

    #[test]
    fn a_recheck_at_its_limit_works() {
        let limits = ServerLimits { recheck_after: Duration::from_secs(19), ..ServerLimits::default() };
        assert_eq!(limits.check(), Ok(()));
    }
}
