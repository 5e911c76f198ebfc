//! What to do with events in the eventlog that the schema does not know.

use crate::error::OpenError;
use crate::event::SequenceNumber;
use crate::eventlog::LogRow;
use std::sync::Arc;

/// What happens when the eventlog holds events that this schema does not know: an older version of the application meets
/// a newer one's events. They are kept in every case, and applied once the schema knows them.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum UnknownEvents {
    /// A warning is logged through `tracing`, once for each event and start. The default.
    #[default]
    Warn,
    /// Nothing is said.
    Ignore,
    /// The store does not open.
    Fail,
    /// The application is told of each.
    Call(Arc<dyn Fn(&UnknownEvent) + Send + Sync>),
}

/// An event that the schema does not know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// Its wire name.
    pub name: String,
    /// Its args as JSON text; `None` where it has none.
    pub args: Option<String>,
    /// Its place in the eventlog.
    pub number: SequenceNumber,
}

impl UnknownEvents {
    pub(crate) fn meet(&self, row: &LogRow, schema: &str) -> Result<(), OpenError> {
        let name = row.event.name.to_string();
        match self {
            Self::Warn => {
                let number = row.number;
                tracing::warn!(event = name, %number, "the eventlog holds an event that the schema does not know");
            }
            Self::Ignore => {}
            Self::Fail => return Err(OpenError::UnknownEvent { event: name, schema: schema.to_owned() }),
            Self::Call(call) => {
                let args = row.event.args.as_ref().map(ToString::to_string);
                call(&UnknownEvent { name, args, number: row.number });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for UnknownEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Warn => "Warn",
            Self::Ignore => "Ignore",
            Self::Fail => "Fail",
            Self::Call(_) => "Call(..)",
        })
    }
}
