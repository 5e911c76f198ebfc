//! The newest events of the eventlog: number, name, args.

use super::{ACCENT, QUIET};
use crate::text::fit;
use crate::ui::app::{App, LogLine};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    if area.height < 3 {
        return;
    }
    let block = Block::bordered().border_style(Style::new().fg(QUIET)).title(" Eventlog ".fg(ACCENT));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let rows = usize::from(inside.height);
    let hidden = app.eventlog.len().saturating_sub(rows);
    let shown: Vec<&LogLine> = app.eventlog.iter().skip(hidden).collect();
    let number_width = shown.iter().map(|line| line.number.len()).max().unwrap_or(0);
    let lines: Vec<Line<'_>> = shown.iter().map(|event| line(event, number_width, inside.width.into())).collect();
    frame.render_widget(ratatui::widgets::Paragraph::new(lines), inside);
}

fn line(event: &LogLine, number_width: usize, width: usize) -> Line<'static> {
    let number = format!("{:<number_width$} ", event.number);
    let name = fit(&event.name, width.saturating_sub(number.len()));
    let args = fit(&format!(" {}", event.args), width.saturating_sub(number.len() + name.len()));
    // A client-only event stays here; the others are for everybody.
    let color = if event.is_client_only { Color::Magenta } else { Color::Yellow };
    Line::from(vec![Span::raw(number).fg(QUIET), Span::raw(name).fg(color), Span::raw(args)])
}
