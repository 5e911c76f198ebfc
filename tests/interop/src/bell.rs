//! Rings when anything changed anywhere in a world, so that whoever waits looks again.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<(Mutex<u64>, Condvar)>);

impl Bell {
    pub(crate) fn ring(&self) {
        *self.0.0.lock().expect("nobody panics with it") += 1;
        self.0.1.notify_all();
    }

    /// Waits until a look finds something. `None` when the time is over.
    pub(crate) fn until<T>(&self, deadline: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            let seen = *self.0.0.lock().expect("nobody panics with it");
            if let Some(found) = look() {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let rings = self.0.0.lock().expect("nobody panics with it");
            drop(self.0.1.wait_timeout_while(rings, left, |rings| *rings == seen).expect("nobody panics with it"));
        }
    }
}
