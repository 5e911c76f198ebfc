//! Reads a file, and believes nothing of it.

use super::format::{End, KIND, Kind, Line, VERSION, hex};
use super::groups::Chain;
use super::{ArchiveError, Header, PAGE, Progress};
use crate::storage::Entry;
use livestore_sync_protocol::{Event, LogEvent};
use ring::digest::{Context, SHA256};
use std::io::{BufRead, Read as _};

/// The longest line: the largest event, escaped.
const LINE_BYTES: u64 = 4 << 20;

/// Reads a file to its end.
pub(super) struct ArchiveReader<R> {
    input: R,
    header: Header,
    digest: Context,
    line: u64,
    chain: Chain,
    is_over: bool,
}

/// Reads a whole file: whether it could be imported, and what it is.
///
/// # Errors
///
/// The file is cut, was changed, or is no log.
pub fn verify(input: impl BufRead) -> Result<Header, ArchiveError> {
    verify_with(input, |_| {})
}

/// The same, and tells how far it is.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_with(input: impl BufRead, mut progress: impl FnMut(Progress)) -> Result<Header, ArchiveError> {
    let mut archive = ArchiveReader::open(input)?;
    while archive.next_batch()?.is_some() {
        progress(Progress { done: archive.chain.head(), of: archive.header.head });
    }
    Ok(archive.header)
}

impl<R: BufRead> ArchiveReader<R> {
    pub(super) fn open(input: R) -> Result<Self, ArchiveError> {
        let header = Header::new("", "", 0);
        let digest = Context::new(&SHA256);
        let mut reader = Self { input, header, digest, line: 0, chain: Chain::default(), is_over: false };
        let Some(line) = reader.next_line()? else {
            return Err(ArchiveError::NotAnArchive { reason: "there is no whole line".into() });
        };
        reader.digest.update(&line);
        let other = |error: serde_json::Error| ArchiveError::NotAnArchive { reason: error.to_string() };
        let kind: Kind = serde_json::from_slice(&line).map_err(other)?;
        if &*kind.livestore != KIND {
            return Err(ArchiveError::NotAnArchive { reason: format!("it is `{}`", kind.livestore) });
        }
        if kind.version != VERSION {
            return Err(ArchiveError::OtherVersion { version: kind.version });
        }
        reader.header = serde_json::from_slice(&line).map_err(other)?;
        Ok(reader)
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// The next events, up to the end of a group; `None` when all have been read and the file is whole.
    pub(super) fn next_batch(&mut self) -> Result<Option<Vec<Entry>>, ArchiveError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while !self.is_over && (!self.chain.is_whole() || (batch.len() < PAGE.events && bytes < PAGE.bytes)) {
            let Some(text) = self.next_line()? else { return Err(ArchiveError::Cut { line: self.line }) };
            let line: Line = serde_json::from_slice(&text).map_err(|error| self.refuse(error))?;
            if let Some(end) = &line.end {
                self.end(end)?;
                break;
            }
            self.digest.update(&text);
            let entry = self.entry(line)?;
            bytes += entry.body.len();
            batch.push(entry);
        }
        Ok(if batch.is_empty() { None } else { Some(batch) })
    }

    fn entry(&mut self, line: Line) -> Result<Entry, ArchiveError> {
        let event: Event = match (line.event, line.text) {
            (Some(event), None) => event,
            (None, Some(text)) => serde_json::from_str(&text).map_err(|error| self.refuse(error))?,
            _ => return Err(self.refuse("there is neither `event` nor `text`, or both")),
        };
        let at = line.at.ok_or_else(|| self.refuse("there is no `at`"))?;
        let LogEvent { number, rest, created_at_ms, body } = LogEvent::new(&event, at);
        self.chain.take(event).map_err(|reason| self.refuse(reason))?;
        if number > self.header.head {
            return Err(self.refuse(format!("e{number} comes after e{}, the header's head", self.header.head)));
        }
        Ok(Entry { number, rest, created_at_ms, principal: line.by, body })
    }

    fn end(&mut self, end: &End) -> Result<(), ArchiveError> {
        self.chain.end().map_err(|reason| self.refuse(reason))?;
        let (found, head) = (self.chain.head(), self.header.head);
        if end.events != found || head != found {
            let reason = format!("it has {found} events, and should have {head}");
            return Err(ArchiveError::Changed { reason });
        }
        if hex(self.digest.clone()) != end.sha256 {
            return Err(ArchiveError::Changed { reason: "its SHA-256 is another".into() });
        }
        if !self.input.fill_buf()?.is_empty() {
            return Err(self.refuse("there is something behind the end"));
        }
        self.is_over = true;
        Ok(())
    }

    /// The next whole line, with its end; `None` when there is no more.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut line = Vec::new();
        let read = self.input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            if read as u64 == LINE_BYTES {
                self.line += 1;
                return Err(self.refuse(format!("it has more than {LINE_BYTES} bytes")));
            }
            return Ok(None);
        }
        self.line += 1;
        Ok(Some(line))
    }

    #[allow(clippy::needless_pass_by_value)] // For `map_err`.
    fn refuse(&self, reason: impl ToString) -> ArchiveError {
        ArchiveError::Line { line: self.line, reason: reason.to_string() }
    }
}
