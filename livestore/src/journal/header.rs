//! The first [`LEN`] bytes of a segment: magic, the journal's nonce, the client, the session, and a checksum of these.

use super::Identity;
use crate::ids::{ClientId, JournalNonce, SessionId};

/// The format follows the magic, as two decimal digits.
const MAGIC: &[u8; 6] = b"LvJrnl";
/// The format of what [`encode`] writes, and of the records behind it.
pub(super) const FORMAT: u64 = 1;
const CLIENT: usize = 16;
const SESSION: usize = 32;
pub(super) const LEN: usize = 8 + 11 + CLIENT + SESSION + 4;

/// Names shorter than their field are filled up with zero bytes; both are ASCII and have a fixed, smaller length.
pub(super) fn encode(identity: &Identity) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..6].copy_from_slice(MAGIC);
    bytes[6..8].copy_from_slice(format!("{FORMAT:02}").as_bytes());
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

/// What the start of a file says.
#[derive(Debug, PartialEq)]
pub(super) enum Header {
    Ours(Identity),
    /// Another version of the library wrote it, in this format.
    Format(u64),
    /// Nothing was ever written: a power loss may leave a file that has a name and no content.
    Nothing,
    Damaged,
}

pub(super) fn decode(bytes: &[u8]) -> Header {
    if bytes.iter().all(|byte| *byte == 0) {
        return Header::Nothing;
    }
    let format = bytes.strip_prefix(MAGIC).and_then(|rest| std::str::from_utf8(rest.get(..2)?).ok()?.parse().ok());
    match format {
        None => Header::Damaged,
        Some(FORMAT) => identity(bytes).map_or(Header::Damaged, Header::Ours),
        Some(other) => Header::Format(other),
    }
}

fn identity(bytes: &[u8]) -> Option<Identity> {
    let bytes: &[u8; LEN] = bytes.get(..LEN)?.try_into().ok()?;
    let sum = u32::from_le_bytes(bytes[LEN - 4..].try_into().ok()?);
    if crc32c::crc32c(&bytes[..LEN - 4]) != sum {
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
