//! The lines of a file, and how they are written.

use crate::storage::Entry;
use livestore_sync_protocol::Event;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) const KIND: &str = "eventlog";
pub(super) const VERSION: u32 = 1;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    livestore: Box<str>,
    version: u32,
    /// The store that was exported. It may be imported under another id.
    pub store_id: Box<str>,
    /// The backend id of its log.
    pub backend_id: Box<str>,
    /// The number of the last event.
    pub head: u64,
}

impl Header {
    pub(super) fn new(store_id: &str, backend_id: &str, head: u64) -> Self {
        let (store_id, backend_id) = (store_id.into(), backend_id.into());
        Self { livestore: KIND.into(), version: VERSION, store_id, backend_id, head }
    }
}

/// What every version has in its header.
#[derive(Deserialize)]
pub(super) struct Kind {
    pub(super) livestore: Box<str>,
    pub(super) version: u32,
}

/// Any line but the first.
#[derive(Deserialize)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) at: Option<i64>,
    #[serde(default)]
    pub(super) by: Option<Box<str>>,
    #[serde(default)]
    pub(super) event: Option<Event>,
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) end: Option<End>,
}

/// What the last line says.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) events: u64,
    pub(super) sha256: String,
}

/// Writes a file.
pub(super) struct ArchiveWriter<W> {
    out: W,
    digest: Context,
    events: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, digest: Context::new(&SHA256), events: 0 };
        writer.line(header)?;
        Ok(writer)
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        #[derive(Serialize)]
        struct EventLine<'a> {
            at: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            event: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            text: Option<&'a str>,
        }
        let is_one_line = !entry.body.contains(['\n', '\r']);
        let event = if is_one_line { Some(serde_json::from_str(&entry.body)?) } else { None };
        let text = if is_one_line { None } else { Some(&*entry.body) };
        self.events += 1;
        self.line(&EventLine { at: entry.created_at_ms, by: entry.principal.as_deref(), event, text })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        #[derive(Serialize)]
        struct EndLine {
            end: End,
        }
        let end = End { events: self.events, sha256: hex(self.digest.clone()) };
        self.line(&EndLine { end })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.out.write_all(&line)
    }
}

pub(super) fn hex(digest: Context) -> String {
    let mut text = String::new();
    for byte in digest.finish().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
