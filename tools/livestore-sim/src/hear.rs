//! What live queries deliver.

use livestore::QueryError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hears what a live query delivers; see [`Workload::watch`](crate::Workload::watch).
#[derive(Clone, Debug, Default)]
pub struct Hear(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    last: Option<String>,
    wrong: Option<String>,
    is_over: bool,
}

impl Hear {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value was delivered; `fresh` is what the query gives when it is run right then.
    pub fn delivered(&self, value: String, fresh: Result<String, QueryError>) {
        let mut heard = self.heard();
        let wrong = match fresh {
            _ if heard.is_over => Some(format!("C7: {value} was delivered after the subscription ended")),
            Ok(fresh) if fresh != value => Some(format!("C7: {value} was delivered, and a fresh run gives {fresh}")),
            _ => None,
        };
        heard.wrong = heard.wrong.take().or(wrong);
        heard.last = Some(value);
    }

    pub(crate) fn end(&self) {
        self.heard().is_over = true;
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.heard().wrong.clone().map_or(Ok(()), Err)
    }

    /// At rest the last value that was delivered is the present one.
    pub(crate) fn check_last(&self, fresh: &str) -> Result<(), String> {
        match &self.heard().last {
            Some(last) if last != fresh => Err(format!("C7: {last} was delivered last, and at rest it is {fresh}")),
            _ => Ok(()),
        }
    }
}
