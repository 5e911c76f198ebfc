//! The terminal: taken over while this lives, and given back as it was, whatever ends it.

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use std::io::{Result, stdout};

/// A terminal in raw mode, on its alternate screen.
pub struct Terminal(DefaultTerminal);

impl Terminal {
    pub fn take_over() -> Result<Self> {
        // Also gives it back in a panic, before the message is printed.
        let terminal = ratatui::try_init()?;
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = execute!(stdout(), DisableBracketedPaste); // The message matters more.
            previous(panic);
        }));
        // Not every terminal tells what is pasted from what is typed; then it is typed.
        let _ = execute!(stdout(), EnableBracketedPaste);
        Ok(Self(terminal))
    }

    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> Result<()> {
        self.0.draw(draw).map(drop)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(stdout(), DisableBracketedPaste); // A terminal that is gone needs no restoring.
        let _ = ratatui::try_restore();
    }
}
