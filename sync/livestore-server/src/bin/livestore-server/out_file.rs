//! A file that is there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written beside its place under another name, and moved there when it is done. Until then it is taken away when it is dropped.
pub(crate) struct OutFile {
    out: BufWriter<File>,
    written: PathBuf,
    place: PathBuf,
    is_done: bool,
}

impl OutFile {
    pub(crate) fn create(place: &Path) -> Result<Self, String> {
        let name = place.file_name().ok_or_else(|| format!("`{}` names no file", place.display()))?;
        let written = place.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let mut options = File::options();
        options.write(true).create_new(true);
        // It holds all that the clients wrote.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&written).map_err(|error| format!("cannot write `{}`: {error}", written.display()))?;
        Ok(Self { out: BufWriter::new(file), written, place: place.to_owned(), is_done: false })
    }

    /// Brings it to the disk and to its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        std::fs::rename(&self.written, &self.place)?;
        self.is_done = true;
        #[cfg(unix)]
        if let Some(dir) = self.place.parent() {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            File::open(dir)?.sync_all()?;
        }
        Ok(())
    }
}

impl Write for &mut OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = std::fs::remove_file(&self.written);
        }
    }
}
