//! Rings when a client of a world changed, so that whoever waits looks again at once. For what rings no bell, such as the log of the
//! server, they look from time to time too.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long nobody looks again when nothing rings.
const UNSEEN_MAX: Duration = Duration::from_millis(50);

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
            let left = deadline.checked_duration_since(Instant::now())?.min(UNSEEN_MAX);
            let rings = self.0.0.lock().expect("nobody panics with it");
            drop(self.0.1.wait_timeout_while(rings, left, |rings| *rings == seen).expect("nobody panics with it"));
        }
    }
}
