//! Where the leader of a store listens: `leader.json` in the store's folder.

use super::super::random;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

const NAME: &str = "leader.json";

/// A port on this machine, and two secrets that only those who may read the folder know: what a follower shows, and what the
/// leader answers. A stranger who got hold of the port of a leader that is gone knows neither.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) port: u16,
    pub(super) token: String,
    pub(super) answer: String,
}

impl Address {
    pub(super) fn new(port: u16) -> Self {
        let secret = || random(16).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { port, token: secret(), answer: secret() }
    }

    /// Whoever leads may write it; written whole under another name first.
    pub(super) fn publish(&self, folder: &Path) -> io::Result<()> {
        let unborn = folder.join(format!("{NAME}.new"));
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&unborn)?.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(&unborn, folder.join(NAME))
    }

    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(folder.join(NAME))?)?)
    }

    /// Nobody listens here any more. Another leader's address stays.
    pub(super) fn withdraw_own(&self, folder: &Path) {
        if Self::read(folder).is_ok_and(|known| known.token == self.token) {
            Self::withdraw(folder);
        }
    }

    /// Nobody listens any more.
    pub(super) fn withdraw(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(NAME)); // A stale address leads to nobody, or to the next leader.
    }
}
