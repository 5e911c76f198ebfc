//! A state's fingerprint: any change that may alter what the eventlog materializes to changes it.

use super::ddl::{create_statements, tables};
use super::{SchemaDef, TableDef};
use crate::event::EventDef;
use std::fmt;

/// Bumped when the library itself materializes or stores state in another way.
const STATE_FORMAT: u32 = 1;

/// 64 bits over table shapes, materializer versions, known events and the format; part of the state file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The fingerprint of what a schema materializes.
pub(crate) fn fingerprint(schema: &SchemaDef) -> Fingerprint {
    let mut lines: Vec<String> = schema
        .events
        .iter()
        .map(|entry| {
            let EventDef { name, client_only, shape, .. } = entry.def;
            format!("event {name:?} {client_only} {shape:016x} {:016x}", entry.materializer_version)
        })
        .collect();
    lines.extend(tables(schema).map(|table: &TableDef| format!("table {:?} {}", table.name, table.client_only)));
    lines.extend(create_statements(schema));
    // The order of the lists says nothing about state.
    lines.sort_unstable();
    let mut hash = Fnv::new();
    hash.add(&STATE_FORMAT.to_le_bytes());
    for line in &lines {
        hash.add(&(line.len() as u64).to_le_bytes());
        hash.add(line.as_bytes());
    }
    Fingerprint(hash.0)
}

/// FNV-1a with 64 bits: the same on every platform and compiler, and no enemy chooses its input.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
