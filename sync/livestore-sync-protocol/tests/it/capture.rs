//! The recorded traffic: see the README beside the files.

use serde::Deserialize;
use std::path::Path;

/// One line of a recording.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) i: usize,
    #[serde(default)]
    pub(crate) conn: String,
    #[serde(default)]
    pub(crate) dir: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) transport: String,
    #[serde(default)]
    pub(crate) method: String,
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    base64: Option<String>,
    #[serde(default)]
    bytes: Option<usize>,
    #[serde(skip)]
    pub(crate) file: String,
}

impl Record {
    pub(crate) fn is(&self, dir: &str, kinds: &[&str]) -> bool {
        self.dir == dir && kinds.contains(&self.kind.as_str())
    }

    pub(crate) fn has_text(&self) -> bool {
        self.text.is_some() || self.base64.is_some()
    }

    /// The frame or the body, whole.
    pub(crate) fn body(&self) -> String {
        if let Some(base64) = &self.base64 {
            return String::from_utf8(from_base64(base64)).unwrap();
        }
        let text = expand(self.text.as_deref().unwrap_or_default());
        assert!(self.bytes.is_none_or(|bytes| bytes == text.len()), "{}: {} bytes", self.at(), text.len());
        text
    }

    pub(crate) fn at(&self) -> String {
        format!("{} line {}", self.file, self.i)
    }

    pub(crate) fn store_id(&self) -> Option<&str> {
        self.url.split(['?', '&']).find_map(|pair| pair.strip_prefix("storeId="))
    }
}

/// Puts back the runs of equal characters that the recorder abbreviated.
fn expand(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (run, after) = after.split_once('⟧').unwrap();
        let (char, count) = run.rsplit_once('*').unwrap();
        whole.push_str(before);
        whole.push_str(&char.repeat(count.parse().unwrap()));
        rest = after;
    }
    whole.push_str(rest);
    whole
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = text.bytes().filter(|byte| *byte != b'=').map(|byte| DIGITS.find(char::from(byte)).unwrap());
    let mut bytes = Vec::new();
    while let Some(first) = bits.next() {
        let digits: Vec<_> = [Some(first), bits.next(), bits.next(), bits.next()].into_iter().flatten().collect();
        let group = digits.iter().fold(0, |group, digit| group << 6 | digit) << (6 * (4 - digits.len()));
        bytes.extend(group.to_be_bytes()[5..].iter().take(digits.len() - 1));
    }
    bytes
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire-vectors")
}

pub(crate) fn read(name: &str) -> Vec<Record> {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    let record = |line| Record { file: name.into(), ..serde_json::from_str(line).unwrap() };
    text.lines().map(record).collect()
}

pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = files.filter(|name| name.ends_with(".jsonl")).collect();
    names.sort();
    assert_eq!(names.len(), 26, "all recordings are here");
    names
}

/// Every record of every recording.
pub(crate) fn all() -> impl Iterator<Item = Record> {
    names().into_iter().flat_map(|name| read(&name))
}

/// The frames and bodies of one direction.
pub(crate) fn bodies(dir: &str) -> impl Iterator<Item = Record> {
    let kinds = if dir == "c2s" { ["text", "binary", "http-request"] } else { ["text", "binary", "http-response"] };
    let is_sync = |record: &Record| record.kind != "http-response" || record.status == 200;
    all().filter(move |record| record.is(dir, &kinds) && record.has_text() && is_sync(record))
}
