//! Windows over the list: the keys, and the whole text of a todo.

use super::ACCENT;
use crate::text::{fit, wrap};
use crate::ui::app::{App, Mode};
use crate::ui::keys::KEYS;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// Columns of a window that its border takes.
const BORDER: u16 = 2;

pub(super) fn help(app: &mut App, frame: &mut Frame<'_>) {
    let width = frame.area().width.min(54);
    let line = |(key, what): &(&str, &str)| {
        let what = fit(what, usize::from(width.saturating_sub(BORDER + 11)));
        Line::from(vec![Span::raw(format!("{key:>9}  ")).fg(ACCENT), Span::raw(what)])
    };
    popup(app, frame, "Keys", KEYS.iter().map(line).collect(), width);
}

pub(super) fn details(app: &mut App, frame: &mut Frame<'_>) {
    let Some(todo) = app.selected() else {
        app.mode = Mode::List; // The todo went away under the window.
        return;
    };
    let width = frame.area().width.min(76);
    let title = format!("{} · {}", todo.id, if todo.completed { "done" } else { "open" });
    let lines = wrap(&todo.text, width.saturating_sub(BORDER).into()).into_iter().map(Line::from).collect();
    popup(app, frame, &title, lines, width);
}

/// A window in the middle, as high as its text where there is room.
fn popup(app: &mut App, frame: &mut Frame<'_>, title: &str, lines: Vec<Line<'_>>, width: u16) {
    let area = frame.area();
    let count = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(u16::MAX - BORDER);
    let height = (count + BORDER).min(area.height);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let hidden = count.saturating_sub(height.saturating_sub(BORDER));
    let scroll = match &mut app.mode {
        Mode::Help(scroll) | Mode::Details(scroll) => {
            *scroll = (*scroll).min(hidden);
            *scroll
        }
        Mode::List | Mode::Add(_) | Mode::Edit { .. } | Mode::Search(_) => 0,
    };
    let mut block = Block::bordered().border_style(Style::new().fg(ACCENT)).title(format!(" {title} ").bold());
    if scroll < hidden {
        block = block.title_bottom(Line::from(" ↓ more ").right_aligned());
    }
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(block).scroll((scroll, 0)), place);
}
