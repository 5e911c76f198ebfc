use super::{ACCENT, panel, ranking};
use crate::ui::chart::{Activity, activity};
use crate::ui::model::Model;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Bar, BarChart, BarGroup};

/// Activity above, authors and files below.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let [above, below] = Layout::vertical([Constraint::Percentage(45), Constraint::Min(0)]).areas(area);
    draw_activity(frame, model, above);
    let [left, right] = Layout::horizontal([Constraint::Percentage(45), Constraint::Min(0)]).areas(below);
    ranking::draw_top_authors(frame, model, left);
    ranking::draw_top_files(frame, model, right);
}

fn draw_activity(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let inner = panel("").inner(area);
    let Activity { bars, cells, months, axis } = activity(&model.months, inner.width.into());
    let most = bars.iter().max().copied().unwrap_or(0);
    let per = match months {
        1 => "month".to_owned(),
        12 => "year".to_owned(),
        months if months % 12 == 0 => format!("{} years", months / 12),
        months => format!("{months} months"),
    };
    frame.render_widget(panel(&format!("Commits per {per}, at most {most}")), area);
    let [chart, years] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(inner);
    let gap = usize::from(cells > 2);
    let bars = bars.iter().map(|value| Bar::default().value(*value).text_value("")).collect::<Vec<_>>();
    let group = BarGroup::default().bars(&bars);
    let chart_bars = BarChart::default()
        .data(group)
        .bar_width((cells - gap.min(cells)) as u16)
        .bar_gap(gap as u16)
        .bar_style(Style::new().fg(ACCENT));
    frame.render_widget(chart_bars, chart);
    frame.render_widget(Line::from(axis).dim(), years);
}
