use crate::failure::Failure;
use crate::schema::{CommitRead, FileChange, FilesRead, History, HistoryEvent};
use livestore::{Receipt, Store};
use std::collections::VecDeque;
use std::time::Duration;

/// Events of one commit group: enough that its fixed costs are small, few enough that progress is steady. A group may have
/// 1,000.
const EVENTS_MAX: usize = 500;
/// JSON bytes of one commit group. A group may have 900,000.
const BYTES_MAX: usize = 400_000;
/// Commit groups on their way into the eventlog: with these bytes, less than a store takes before it refuses more.
const WAITING_MAX: usize = 32;
/// A disk that takes longer than this for one group has failed.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Collects events and commits them in groups.
pub(super) struct Batches<'a> {
    store: &'a Store<History>,
    events: Vec<HistoryEvent>,
    bytes: usize,
    /// Whole commits among the events.
    commits: u64,
    /// Is told how many whole commits the store has got.
    on_committed: &'a mut dyn FnMut(u64),
    waiting: VecDeque<Receipt>,
}

impl<'a> Batches<'a> {
    pub(super) fn new(store: &'a Store<History>, on_committed: &'a mut dyn FnMut(u64)) -> Self {
        Self { store, events: Vec::new(), bytes: 0, commits: 0, on_committed, waiting: VecDeque::new() }
    }

    pub(super) fn push_files(&mut self, files: FilesRead, bytes: usize) -> Result<(), Failure> {
        self.push(HistoryEvent::FilesRead(files), bytes + 100)
    }

    pub(super) fn push_commit(&mut self, commit: CommitRead, bytes: usize) -> Result<(), Failure> {
        let texts = [&commit.author, &commit.email, &commit.subject].map(|text| json_bytes(text)).iter().sum::<usize>();
        let header = 300 + texts + commit.parents.iter().map(|parent| parent.len() + 3).sum::<usize>();
        self.push(HistoryEvent::CommitRead(commit), bytes + header)?;
        self.commits += 1;
        Ok(())
    }

    fn push(&mut self, event: HistoryEvent, bytes: usize) -> Result<(), Failure> {
        if self.events.len() >= EVENTS_MAX || self.bytes + bytes > BYTES_MAX {
            self.flush()?;
        }
        self.events.push(event);
        self.bytes += bytes;
        Ok(())
    }

    /// Commits what is collected.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.bytes = 0;
        if self.events.is_empty() {
            return Ok(());
        }
        if self.waiting.len() >= WAITING_MAX {
            self.wait_for_oldest()?;
        }
        self.waiting.push_back(self.store.commit(std::mem::take(&mut self.events))?);
        (self.on_committed)(std::mem::take(&mut self.commits));
        Ok(())
    }

    /// Commits the rest, and waits until all of it is in the eventlog.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.flush()?;
        while !self.waiting.is_empty() {
            self.wait_for_oldest()?;
        }
        Ok(())
    }

    fn wait_for_oldest(&mut self) -> Result<(), Failure> {
        let Some(receipt) = self.waiting.pop_front() else { return Ok(()) };
        match receipt.wait(WAIT_MAX)?.quarantined {
            None => Ok(()),
            Some(reason) => Err(Failure::new(format!("commits were read but could not be counted: {reason}"))),
        }
    }
}

/// The JSON size of a file in an event, rounded up.
pub(super) fn file_bytes(file: &FileChange) -> usize {
    90 + json_bytes(&file.path) + file.from.as_deref().map_or(0, json_bytes)
}

fn json_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}
