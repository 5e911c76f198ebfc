//! One commit group: `length u32, crc32c u32, first ordinal u64, events u32`, then for each event
//! `flags u8, name length u16, name, [args length u32, args]`. The checksum covers everything behind it.

use crate::event::{CommitGroup, EncodedEvent};
use std::borrow::Cow;

const CLIENT_ONLY: u8 = 1;
const HAS_ARGS: u8 = 2;
const PREFIX: usize = 8;
/// A group's payload, plus what the framing of its events adds at the most.
const RECORD_MAX: usize = CommitGroup::BYTES_MAX + CommitGroup::EVENTS_MAX * 8 + 64;

/// What stands in the file at some place.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// A whole record, and how many bytes it took.
    Record { ordinal: u64, events: Vec<EncodedEvent>, len: usize },
    /// The end of the records: nothing, or an append that did not finish and was never acknowledged.
    End,
    /// Bytes that are no record, with more behind them than one append leaves.
    Damage,
}

/// How long the group's record is.
pub(super) fn len(events: &[EncodedEvent]) -> usize {
    let args = |event: &EncodedEvent| event.args.as_ref().map_or(0, |args| 4 + args.len());
    PREFIX + 12 + events.iter().map(|event| 3 + event.name.len() + args(event)).sum::<usize>()
}

/// Adds a record to the buffer.
pub(super) fn encode(buffer: &mut Vec<u8>, ordinal: u64, events: &[EncodedEvent]) {
    buffer.extend_from_slice(&[0; PREFIX]);
    buffer.extend_from_slice(&ordinal.to_le_bytes());
    buffer.extend_from_slice(&(events.len() as u32).to_le_bytes());
    for event in events {
        let flags = u8::from(event.client_only) * CLIENT_ONLY + u8::from(event.args.is_some()) * HAS_ARGS;
        buffer.push(flags);
        buffer.extend_from_slice(&(event.name.len() as u16).to_le_bytes());
        buffer.extend_from_slice(event.name.as_bytes());
        if let Some(args) = &event.args {
            buffer.extend_from_slice(&(args.len() as u32).to_le_bytes());
            buffer.extend_from_slice(args.as_bytes());
        }
    }
    debug_assert_eq!(buffer.len(), len(events), "a record is as long as was reckoned");
    let len = (buffer.len() - PREFIX) as u32;
    let sum = crc32c::crc32c(&buffer[PREFIX..]);
    buffer[..4].copy_from_slice(&len.to_le_bytes());
    buffer[4..PREFIX].copy_from_slice(&sum.to_le_bytes());
}

/// Reads the record at the start of the bytes. Total: any bytes give an answer, and nothing is allocated beyond them.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let (Some(len), Some(sum)) = (u32_at(bytes, 0), u32_at(bytes, 4)) else { return Decoded::End };
    let len = len as usize;
    let Some(body) = bytes.get(PREFIX..PREFIX + len).filter(|_| len <= RECORD_MAX) else {
        return torn_or_damaged(bytes);
    };
    if len == 0 || crc32c::crc32c(body) != sum {
        return torn_or_damaged(bytes);
    }
    // The checksum holds, so a body that does not parse was written by something else.
    parse(body).map_or(Decoded::Damage, |(ordinal, events)| Decoded::Record { ordinal, events, len: PREFIX + len })
}

/// An append that a crash cut short leaves at most one record's worth of bytes, or zeros where the file system had grown
/// the file already. More than that is damage.
fn torn_or_damaged(bytes: &[u8]) -> Decoded {
    let is_torn = bytes.len() <= RECORD_MAX + PREFIX && !holds_later_record(bytes);
    if is_torn || bytes.iter().all(|byte| *byte == 0) { Decoded::End } else { Decoded::Damage }
}

/// Whether a whole record stands further on: then the bytes before it are damage, not an unfinished append.
fn holds_later_record(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|start| {
        let rest = &bytes[start..];
        let (Some(len), Some(sum)) = (u32_at(rest, 0), u32_at(rest, 4)) else { return false };
        let is_plausible = (12..=RECORD_MAX).contains(&(len as usize));
        is_plausible && rest.get(PREFIX..PREFIX + len as usize).is_some_and(|body| crc32c::crc32c(body) == sum)
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn parse(mut body: &[u8]) -> Option<(u64, Vec<EncodedEvent>)> {
    let ordinal = u64::from_le_bytes(take(&mut body, 8)?.try_into().ok()?);
    let count = take_u32(&mut body)? as usize;
    if count == 0 || count > CommitGroup::EVENTS_MAX {
        return None;
    }
    let mut events = Vec::with_capacity(count);
    for _ in 0..count {
        let flags = take(&mut body, 1)?[0];
        let name_len = u16::from_le_bytes(take(&mut body, 2)?.try_into().ok()?) as usize;
        let name = std::str::from_utf8(take(&mut body, name_len)?).ok()?.to_owned();
        let args = match flags & HAS_ARGS {
            0 => None,
            _ => {
                let len = take_u32(&mut body)? as usize;
                Some(std::str::from_utf8(take(&mut body, len)?).ok()?.into())
            }
        };
        events.push(EncodedEvent { name: Cow::Owned(name), client_only: flags & CLIENT_ONLY != 0, args });
    }
    body.is_empty().then_some((ordinal, events))
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?))
}
