//! Lists with a bar for each row.

use super::{ACCENT, SELECTED, first_row, panel};
use crate::text::{grouped, plain};
use crate::ui::chart::bar;
use crate::ui::model::Model;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// One row: what is counted, its name, and lines where they are shown.
struct Row<'a> {
    count: i64,
    name: &'a str,
    lines: Option<(i64, i64)>,
}

pub(super) fn draw_top_authors(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let rows = model.authors.iter().map(|it| Row { count: it.commits, name: &it.name, lines: None });
    draw(frame, area, "Top authors, by commits", &rows.collect::<Vec<_>>(), None);
}

pub(super) fn draw_top_files(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let rows = model.files.iter().map(|it| Row { count: it.changes, name: &it.path, lines: None });
    draw(frame, area, "Hot files, by commits that touched them", &rows.collect::<Vec<_>>(), None);
}

pub(super) fn draw_authors(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    model.page_rows = panel("").inner(area).height.into();
    let title = format!("Authors by commits, {}", of(model.authors.len(), model.counts.0));
    let rows =
        model.authors.iter().map(|it| Row { count: it.commits, name: &it.name, lines: Some((it.added, it.deleted)) });
    draw(frame, area, &title, &rows.collect::<Vec<_>>(), model.selected());
}

pub(super) fn draw_files(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    model.page_rows = panel("").inner(area).height.into();
    let title = format!("Files by commits that touched them, {}", of(model.files.len(), model.counts.1));
    let rows =
        model.files.iter().map(|it| Row { count: it.changes, name: &it.path, lines: Some((it.added, it.deleted)) });
    draw(frame, area, &title, &rows.collect::<Vec<_>>(), model.selected());
}

fn of(shown: usize, all: i64) -> String {
    if shown as i64 >= all { grouped(all) } else { format!("first {shown} of {}", grouped(all)) }
}

fn draw(frame: &mut Frame<'_>, area: Rect, title: &str, rows: &[Row<'_>], selected: Option<usize>) {
    let inner = panel("").inner(area);
    let most = rows.first().map_or(0, |row| row.count);
    let cells = usize::from(inner.width / 4).clamp(4, 30);
    let number_width = grouped(most).len().max(5);
    let first = first_row(selected.unwrap_or(0), rows.len(), inner.height.into());
    let lines = rows.iter().enumerate().skip(first).take(inner.height.into()).map(|(index, row)| {
        let mut line = Line::from(vec![
            Span::from(format!("{:>number_width$} ", grouped(row.count))),
            Span::from(format!("{:cells$} ", bar(row.count, most, cells))).fg(ACCENT),
            Span::from(plain(row.name)),
        ]);
        if let Some((added, deleted)) = row.lines {
            line.push_span(Span::from(format!("  +{}", grouped(added))).green());
            line.push_span(Span::from(format!(" -{}", grouped(deleted))).red());
        }
        line.style(if selected == Some(index) { SELECTED } else { Style::new() })
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(panel(title)), area);
}
