use std::path::Path;
use std::time::UNIX_EPOCH;

/// What a state file looked like: its name, its length, and when it was last written. The eventlog keeps this of a file that
/// was closed in order. Where it still holds at the next start, nobody has touched the file, and reading all of it to look
/// for damage is left out; a page that the disk itself lost is then found when it is read.
pub(super) fn of(path: &Path) -> Option<String> {
    let facts = std::fs::metadata(path).ok()?;
    let written = facts.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}", path.file_name()?.to_str()?, facts.len(), written.as_nanos()))
}
