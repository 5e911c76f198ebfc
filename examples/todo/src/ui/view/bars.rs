//! The single lines: title and filters, what is typed, how the store is doing, the keys.

use super::{ACCENT, BAD, GOOD, QUIET};
use crate::schema::Filter;
use crate::text::fit;
use crate::ui::app::{App, Mode, Notice};
use crate::ui::input::Input;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};

pub(super) fn header(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let counts = app.counts;
    let tab = |filter, name: &str, count: i64| {
        let text = format!(" {name} {count} ");
        if app.ui.filter == filter { text.fg(Color::Black).bg(ACCENT).bold() } else { text.fg(QUIET) }
    };
    let tabs = Line::from(vec![
        tab(Filter::All, "All", counts.open + counts.done),
        tab(Filter::Open, "Open", counts.open),
        tab(Filter::Done, "Done", counts.done),
    ]);
    let width = tabs.width() as u16;
    let title_width = area.width.saturating_sub(width + 1);
    let title = if app.search.is_empty() { " Todos".to_owned() } else { format!(" Todos with “{}”", app.search) };
    frame.render_widget(Line::from(fit(&title, title_width.into())).fg(ACCENT).bold(), area);
    let right = Rect { x: area.x + area.width.saturating_sub(width), width: width.min(area.width), ..area };
    frame.render_widget(tabs, right);
}

/// The line that is typed, or else what happened last.
pub(super) fn input(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let failed = match &app.notice {
        Some(Notice::Failed(text)) => Some(text),
        _ => None,
    };
    match (&app.mode, failed, &app.notice) {
        // A fault is not hidden by typing on.
        (_, Some(text), _) => message(frame, area, text, BAD),
        (Mode::Add(input), ..) => typing(frame, area, "Add", input),
        (Mode::Edit { input, .. }, ..) => typing(frame, area, "Edit", input),
        (Mode::Search(input), ..) => typing(frame, area, "Search", input),
        (_, None, Some(Notice::Done(text))) => message(frame, area, text, GOOD),
        (_, None, _) => {}
    }
}

fn message(frame: &mut Frame<'_>, area: Rect, text: &str, color: Color) {
    frame.render_widget(Line::from(fit(&format!(" {text}"), area.width.into())).fg(color), area);
}

fn typing(frame: &mut Frame<'_>, area: Rect, label: &str, input: &Input) {
    let label = format!(" {label} › ");
    let label_width = Span::raw(label.as_str()).width() as u16;
    let (text, column) = input.window(area.width.saturating_sub(label_width).into());
    frame.render_widget(Line::from(vec![label.fg(ACCENT).bold(), text.into()]), area);
    if area.height > 0 {
        frame.set_cursor_position(Position { x: area.x + label_width + column as u16, y: area.y });
    }
}

pub(super) fn status(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let health = &app.health;
    if let Some(problem) = &health.problem {
        message(frame, area, problem, BAD);
        return;
    }
    let heads = match health.pending {
        0 => format!("eventlog {}", health.upstream_head),
        _ => format!("eventlog {} → {}", health.upstream_head, health.local_head),
    };
    let to_sync = health.to_sync.filter(|count| *count > 0).map(|count| format!("{count} to sync"));
    let counts = format!("{} open · {} done", app.counts.open, app.counts.done);
    let pending = health.to_sync.is_none().then(|| format!("{} pending", health.pending));
    let position = (!app.todos.is_empty()).then(|| format!("{}/{}", app.selected + 1, app.todos.len()));
    // Whole parts only, the most wanted first.
    let mut text = format!(" {counts}");
    for part in [to_sync, health.sync.clone(), Some(heads), pending, position].into_iter().flatten() {
        let longer = format!("{text} · {part}");
        if Span::raw(longer.as_str()).width() <= area.width.into() {
            text = longer;
        }
    }
    frame.render_widget(Line::from(fit(&text, area.width.into())).style(Style::new().fg(QUIET)), area);
}

pub(super) fn help(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let keys: &[(&str, &str)] = match app.mode {
        Mode::List if !app.search.is_empty() => {
            &[("esc", "end search"), ("space", "done"), ("/", "search"), ("?", "help")]
        }
        Mode::List => &[
            ("?", "help"),
            ("a", "add"),
            ("space", "done"),
            ("e", "edit"),
            ("d", "delete"),
            ("u", "undo"),
            ("f", "filter"),
            ("/", "search"),
            ("l", "eventlog"),
            ("q", "quit"),
        ],
        Mode::Add(_) => &[("enter", "add"), ("esc", "close"), ("ctrl-w", "delete word"), ("ctrl-u", "clear")],
        Mode::Edit { .. } => &[("enter", "save"), ("esc", "leave as it was"), ("ctrl-u", "clear")],
        Mode::Search(_) => &[("enter", "keep"), ("esc", "end search"), ("↑ ↓", "move")],
        Mode::Help(_) | Mode::Details(_) => &[("esc", "close"), ("↑ ↓", "scroll")],
    };
    let mut line = Line::default();
    for (key, what) in keys {
        let next = [Span::raw(" "), key.fg(ACCENT), Span::raw(" "), what.fg(QUIET), Span::raw(" ")];
        // Whole entries only.
        if line.width() + next.iter().map(Span::width).sum::<usize>() > area.width.into() {
            break;
        }
        line.extend(next);
    }
    frame.render_widget(line, area);
}
