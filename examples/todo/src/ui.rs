//! The list on the screen.

use crate::schema::Todos;
use livestore::{Error, Result, Store};

/// Shows the list until the user quits.
pub fn run(_store: &Store<Todos>) -> Result<()> {
    Err(Error::new("the screen is not built yet; run a command, see `todo --help`"))
}
