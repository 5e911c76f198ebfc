use super::{ACCENT, SELECTED, first_row, panel};
use crate::queries::Found;
use crate::schema::day_of;
use crate::text::{counted, grouped, plain};
use crate::ui::model::{LIST_MAX, Model};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table, Wrap};

/// The search field, what it finds, and the selected commit.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    let [field, list, detail] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(3), Constraint::Length(5)]).areas(area);
    draw_field(frame, model, field);
    draw_list(frame, model, list);
    draw_detail(frame, model, detail);
}

fn draw_field(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let block = panel("Search in message, author and id");
    let inner = block.inner(area);
    let is_empty = model.search.is_empty() && !model.is_typing;
    let text =
        if is_empty { "press / and type; every word must occur".dark_gray() } else { plain(&model.search).into() };
    let line = Line::from(vec!["› ".fg(ACCENT), text]);
    // The end of a long text is where the cursor is.
    let hidden = (line.width() as u16 + 1).saturating_sub(inner.width);
    let width = (line.width() as u16).saturating_sub(hidden);
    let border = Style::new().fg(if model.is_typing { ACCENT } else { Color::DarkGray });
    frame.render_widget(Paragraph::new(line).scroll((0, hidden)).block(block.border_style(border)), area);
    if model.is_typing {
        frame.set_cursor_position(Position::new(inner.x + width, inner.y));
    }
}

fn draw_list(frame: &mut Frame<'_>, model: &mut Model, area: Rect) {
    let title = match model.found.len() {
        found if found == LIST_MAX as usize => format!("The newest {found} of more"),
        found => counted(found as i64, "commit", "commits"),
    };
    let block = panel(&title);
    let height = usize::from(block.inner(area).height);
    model.page_rows = height;
    let selected = model.selected();
    let first = first_row(selected.unwrap_or(0), model.found.len(), height);
    let rows = model
        .found
        .iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(index, found)| row(found).style(if selected == Some(index) { SELECTED } else { Style::new() }));
    let widths = [
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(20),
        Constraint::Length(15),
        Constraint::Min(10),
    ];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

fn row(found: &Found) -> Row<'static> {
    let changed = format!("+{} -{}", grouped(found.added), grouped(found.deleted));
    Row::new(vec![
        Line::from(day(found)),
        Line::from(short(found).yellow()),
        Line::from(plain(&found.author).fg(ACCENT)),
        Line::from(changed.dim()),
        Line::from(plain(&found.subject)),
    ])
}

fn day(found: &Found) -> String {
    day_of(found.authored_at, found.offset_minutes as i32)
}

fn short(found: &Found) -> String {
    found.oid.get(..8).unwrap_or(&found.oid).to_owned()
}

fn draw_detail(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let lines = match model.selected().and_then(|row| model.found.get(row)) {
        None => vec![Line::from("no commit has all of these words".dim())],
        Some(found) => detail(found),
    };
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(panel("")), area);
}

fn detail(found: &Found) -> Vec<Line<'static>> {
    let merge = if found.parents > 1 { "  merge" } else { "" };
    vec![
        Line::from(vec![
            found.oid.clone().yellow(),
            Span::from(format!("  {}  {}", day(found), counted(found.files, "file", "files"))),
            format!("  +{}", grouped(found.added)).green(),
            format!(" -{}", grouped(found.deleted)).red(),
            merge.dim(),
        ]),
        Line::from(format!("{} <{}>", plain(&found.author), plain(&found.email)).fg(ACCENT)),
        Line::from(plain(&found.subject).bold()),
    ]
}
