//! The first [`LEN`] bytes of a segment: magic, the journal's nonce, the client, the session, and a checksum of these.

use super::Identity;
use crate::ids::{ClientId, JournalNonce, SessionId};

/// The format is part of the magic: another format is another kind of file.
const MAGIC: &[u8; 8] = b"LvJrnl01";
const CLIENT: usize = 16;
const SESSION: usize = 32;
pub(super) const LEN: usize = 8 + 11 + CLIENT + SESSION + 4;

/// Names shorter than their field are filled up with zero bytes; both are ASCII and have a fixed, smaller length.
pub(super) fn encode(identity: &Identity) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..19].copy_from_slice(&identity.nonce.0);
    put(&mut bytes[19..19 + CLIENT], identity.client_id.as_str());
    put(&mut bytes[19 + CLIENT..19 + CLIENT + SESSION], identity.session_id.as_str());
    let sum = crc32c::crc32c(&bytes[..LEN - 4]);
    bytes[LEN - 4..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn put(field: &mut [u8], name: &str) {
    let len = name.len().min(field.len());
    field[..len].copy_from_slice(&name.as_bytes()[..len]);
}

/// `None` where the bytes are no header of ours, or not all of one.
pub(super) fn decode(bytes: &[u8]) -> Option<Identity> {
    let bytes: &[u8; LEN] = bytes.get(..LEN)?.try_into().ok()?;
    let sum = u32::from_le_bytes(bytes[LEN - 4..].try_into().ok()?);
    if &bytes[..8] != MAGIC || crc32c::crc32c(&bytes[..LEN - 4]) != sum {
        return None;
    }
    Some(Identity {
        nonce: JournalNonce(bytes[8..19].try_into().ok()?),
        client_id: ClientId::from_stored(&name(&bytes[19..19 + CLIENT])?),
        session_id: SessionId::from_stored(&name(&bytes[19 + CLIENT..19 + CLIENT + SESSION])?),
    })
}

fn name(field: &[u8]) -> Option<String> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8(field[..end].to_vec()).ok()
}
