//! `eventlog.db`: the only truth. Events in order, what was taken from each journal, and which state file is current.

mod format;
mod kept;
mod page;
mod waiting;

pub(crate) use format::{Eventlog, LogHead, export};
pub(crate) use kept::Standing;
pub(crate) use page::{LogFilter, LogRow};
pub(crate) use waiting::{Backend, PendingGroup, RejectedGroup, Settled};
