use crate::failure::Failure;
use std::path::PathBuf;

/// The user's data directory for this program, by the habits of the operating system.
pub(super) fn default() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        std::env::home_dir().map(|home| home.join("Library/Application Support"))
    } else {
        absolute("XDG_DATA_HOME").or_else(|| std::env::home_dir().map(|home| home.join(".local/share")))
    };
    let base = base.filter(|base| base.is_absolute());
    base.map(|base| base.join("repo-history"))
        .ok_or_else(|| Failure::new("the user's data directory is not known; name a directory with `--dir DIR`"))
}
