//! The todos. Only what is on the screen is laid out, so that a long list is as quick as a short one.

use super::{ACCENT, GOOD, QUIET};
use crate::schema::{Filter, Todo};
use crate::text::fit;
use crate::ui::app::{App, Mode};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState};

pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>, area: Rect) {
    app.rows = area.height.into();
    if app.todos.is_empty() {
        empty(app, frame, area);
        return;
    }
    scroll(app);
    let has_bar = app.todos.len() > app.rows;
    let width = area.width.saturating_sub(has_bar.into());
    for (row, todo) in app.todos.iter().skip(app.scroll).take(app.rows).enumerate() {
        let is_selected = app.scroll + row == app.selected;
        let place = Rect { y: area.y + row as u16, height: 1, width, ..area };
        frame.render_widget(line(todo, is_selected, width.into()), place);
    }
    if has_bar {
        let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight).begin_symbol(None).end_symbol(None);
        let bar = bar.track_symbol(Some("│")).thumb_symbol("┃").style(Style::new().fg(QUIET));
        let places = app.todos.len() - app.rows;
        let mut state = ScrollbarState::new(places).position(app.scroll).viewport_content_length(app.rows);
        frame.render_stateful_widget(bar, area, &mut state);
    }
}

/// Moves as little as shows the selected todo, and leaves no room below the last one.
fn scroll(app: &mut App) {
    let top = app.selected.saturating_sub(app.rows.saturating_sub(1));
    app.scroll = app.scroll.clamp(top, app.selected.max(top)).min(app.todos.len().saturating_sub(app.rows));
}

fn line(todo: &Todo, is_selected: bool, width: usize) -> Line<'static> {
    let (mark, mark_color) = if todo.completed { ("✓", GOOD) } else { ("○", ACCENT) };
    let mut style = Style::new();
    if todo.completed {
        style = style.fg(QUIET).add_modifier(Modifier::CROSSED_OUT);
    }
    let mut line = Line::from(vec![
        Span::raw(if is_selected { "▌" } else { " " }).fg(ACCENT),
        Span::raw(mark).fg(mark_color),
        Span::raw(" "),
        Span::raw(fit(&todo.text, width.saturating_sub(3))).style(style),
    ]);
    if is_selected {
        // The bar over the whole width needs no colours of its own: reversed would hide the marks.
        let rest = width.saturating_sub(line.width());
        line.push_span(Span::raw(" ".repeat(rest)));
        line = line.style(Style::new().bg(Color::Indexed(236)).add_modifier(Modifier::BOLD));
    }
    line
}

fn empty(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let text = match app.ui.filter {
        _ if matches!(app.mode, Mode::Add(_)) => "Type what there is to do, then press enter.".to_owned(),
        _ if !app.search.is_empty() => format!("Nothing has “{}” in it.", fit(&app.search, 40)),
        Filter::All => "Nothing to do. Press a to add something.".to_owned(),
        Filter::Open => "Nothing is open. Well done!".to_owned(),
        Filter::Done => "Nothing is done yet.".to_owned(),
    };
    let row = Rect { y: area.y + area.height / 3, height: area.height.min(1), ..area };
    frame.render_widget(Line::from(fit(&text, area.width.into())).fg(QUIET).centered(), row);
}
