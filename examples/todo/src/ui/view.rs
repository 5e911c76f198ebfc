//! Draws the screen, at any size: what has no room is left out, the least needed first.

mod bars;
mod eventlog;
mod list;
mod popup;

#[cfg(test)]
mod tests;

use super::app::{App, Mode};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Color;

const ACCENT: Color = Color::Cyan;
const GOOD: Color = Color::Green;
const BAD: Color = Color::Red;
const QUIET: Color = Color::DarkGray;

/// From here on the eventlog stands beside the list, not below.
const BESIDE_FROM: u16 = 100;

pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let has_input = matches!(app.mode, Mode::Add(_) | Mode::Edit { .. } | Mode::Search(_)) || app.notice.is_some();
    let row = |is_shown: bool| Constraint::Length(is_shown.into());
    let rows = Layout::vertical([
        row(area.height > 2),
        Constraint::Min(1),
        row(has_input),
        row(area.height > 4),
        row(area.height > 5),
    ]);
    let [header, body, input, status, help] = rows.areas(area);
    bars::header(app, frame, header);
    let (list, eventlog) = split(app, body);
    list::draw(app, frame, list);
    eventlog::draw(app, frame, eventlog);
    bars::input(app, frame, input);
    bars::status(app, frame, status);
    bars::help(app, frame, help);
    match app.mode {
        Mode::Help(_) => popup::help(app, frame),
        Mode::Details(_) => popup::details(app, frame),
        Mode::List | Mode::Add(_) | Mode::Edit { .. } | Mode::Search(_) => {}
    }
}

/// The list, and the eventlog where it is wanted and has room.
fn split(app: &App, body: Rect) -> (Rect, Rect) {
    let nothing = Rect { height: 0, ..body };
    if !app.ui.shows_eventlog {
        return (body, nothing);
    }
    if body.width >= BESIDE_FROM {
        let [list, eventlog] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(body);
        return (list, eventlog);
    }
    let height = (body.height / 2).min(12);
    if height < 3 {
        return (body, nothing);
    }
    let [list, eventlog] = Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).areas(body);
    (list, eventlog)
}
