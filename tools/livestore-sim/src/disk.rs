//! Disks that fail, and processes that end between two durable steps.

use crate::Workload;
use crate::client::Scratch;
use crate::fault_vfs::{Fault, FaultVfs};
use crate::world::World;
use livestore::{CommitError, OpenError, StorageKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the clients of a run keep their data.
pub(crate) struct Disk {
    root: Scratch,
    vfs: Option<&'static FaultVfs>,
    /// What is wrong with it now.
    pub(crate) fault: Option<Fault>,
    /// Something was wrong with it once.
    pub(crate) was_bad: bool,
}

impl Disk {
    pub(crate) fn new(may_fail: bool) -> Self {
        thread_local!(static VFS: &'static FaultVfs = {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            FaultVfs::register(&format!("livestore-sim-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
        });
        let vfs = may_fail.then(|| VFS.with(|vfs| *vfs));
        if let Some(vfs) = vfs {
            vfs.arm(None);
        }
        Self { root: Scratch::new(), vfs, fault: None, was_bad: false }
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        self.root.path()
    }

    pub(crate) fn vfs(&self) -> Option<&'static FaultVfs> {
        self.vfs
    }

    fn lasts(&self) -> bool {
        self.fault.is_some_and(Fault::lasts)
    }

    fn set(&mut self, fault: Option<(u64, Fault)>) {
        let Some(vfs) = self.vfs else { return };
        crate::sometimes!("the disk fails", vfs.passed().1 > 0);
        vfs.arm(fault);
        self.fault = fault.map(|(_, fault)| fault);
        self.was_bad |= fault.is_some();
    }
}

impl<W: Workload> World<W> {
    pub(crate) fn spoil_disk(&mut self, seed: u64) {
        let fault = Fault::ALL[(seed % 5) as usize];
        self.disk.set(Some((1 + (seed >> 8) % 60, fault)));
    }

    /// The disk is well again; whoever stopped for it is started again.
    pub(crate) fn heal_disk(&mut self) -> Result<(), String> {
        self.disk.set(None);
        for index in 0..self.clients.len() {
            let is_closed = |session: &crate::client::Session<W>| session.store.status().closed.is_some();
            if self.clients[index].sessions.iter().any(is_closed) {
                crate::sometimes!("a store stops when its disk fails");
                self.crash(index, false)?;
            }
        }
        Ok(())
    }

    /// A store may not open while its disk fails. It says why, and can be opened later.
    pub(crate) fn judge_open(&self, client: usize, opened: Result<(), OpenError>) -> Result<(), String> {
        match opened {
            Ok(()) => Ok(()),
            Err(OpenError::Storage(error)) if self.disk.fault.is_some() && is_of_disk(error.kind) => {
                crate::sometimes!("a store does not open while its disk fails");
                Ok(())
            }
            Err(error) => Err(format!("client {client} does not open: {error}")),
        }
    }

    /// A commit is refused for its own sake, or because the disk fails.
    pub(crate) fn judge_refusal(&self, client: usize, error: &CommitError) -> Result<(), String> {
        match error {
            CommitError::Storage(error) if self.disk.fault.is_none() => {
                Err(format!("D8: client {client} cannot commit, and its disk is well: {error}"))
            }
            CommitError::Storage(error) if !is_of_disk(error.kind) => {
                Err(format!("D8: client {client} cannot commit for the wrong reason: {error:?}"))
            }
            CommitError::Closed { reason } if self.disk.fault.is_none() => {
                Err(format!("L5: client {client} is closed: {reason}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a store may not close in order now: it would wait for its disk.
    pub(crate) fn cannot_close(&self) -> bool {
        self.disk.lasts()
    }

    /// Does something of a client that may end in the middle.
    pub(crate) fn endangered<T>(
        &mut self,
        client: usize,
        work: impl FnOnce(&mut Self) -> T,
    ) -> Result<Option<T>, String> {
        let Some((_, points)) = self.doom.filter(|(doomed, _)| *doomed == client) else { return Ok(Some(work(self))) };
        livestore::__testing::unwind_at(Some(points));
        let worked = catch_unwind(AssertUnwindSafe(|| work(self)));
        let left = livestore::__testing::unwind_at(None).unwrap_or_default();
        self.doom = Some((client, left));
        if left == 0 {
            self.doom = None;
            crate::sometimes!("a client ends between two durable steps");
            self.crash(client, false)?;
        } else if let Err(panic) = worked {
            std::panic::resume_unwind(panic);
        }
        Ok(worked.ok())
    }
}

fn is_of_disk(kind: StorageKind) -> bool {
    matches!(kind, StorageKind::Io | StorageKind::Full | StorageKind::NotWritable)
}
