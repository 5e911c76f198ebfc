//! Draws the model.

mod commits;
mod overview;
mod ranking;

use super::model::{Model, Tab};
use crate::text::{counted, grouped, plain};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Tabs};

const ACCENT: Color = Color::Cyan;
const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let [head, tabs, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(headline(model), head);
    draw_tabs(frame, model, tabs);
    if model.repository.is_none() {
        let hint = "Nothing was imported yet: leave with q, then run  repo-history import REPO";
        frame.render_widget(Paragraph::new(hint).centered().block(panel("")), body);
    } else {
        match model.tab {
            Tab::Overview => overview::draw(frame, model, body),
            Tab::Commits => commits::draw(frame, model, body),
            Tab::Authors => ranking::draw_authors(frame, model, body),
            Tab::Files => ranking::draw_files(frame, model, body),
        }
    }
    frame.render_widget(footline(model), foot);
}

fn headline(model: &Model) -> Line<'static> {
    let Some(it) = model.repository.as_ref() else { return Line::from(" repo-history".bold()) };
    let (authors, files) = *model.counts;
    Line::from(vec![
        Span::from(format!(" {} ", plain(&it.path))).bold(),
        counted(it.commits, "commit", "commits").fg(ACCENT),
        Span::from(format!("  {}  {}  ", counted(authors, "author", "authors"), counted(files, "file", "files"))),
        format!("+{}", grouped(it.added)).green(),
        " ".into(),
        format!("-{}", grouped(it.deleted)).red(),
    ])
}

fn draw_tabs(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let names = Tab::ALL.iter().enumerate().map(|(index, tab)| format!("{} {}", index + 1, tab.name()));
    let tabs = Tabs::new(names).select(model.tab as usize).highlight_style(Style::new().fg(ACCENT).bold().reversed());
    frame.render_widget(tabs, area);
}

fn footline(model: &Model) -> Line<'static> {
    let keys = match (model.is_typing, model.tab) {
        (true, _) => "type to filter   ↑↓ select   Enter keep   Esc clear",
        (false, Tab::Overview) => "Tab or 1-4 switch   / search   r read new commits   q quit",
        (false, Tab::Commits) => "/ search   ↑↓ select   Esc clear   Tab switch   r read new commits   q quit",
        (false, Tab::Authors) => {
            "Enter their commits   ↑↓ select   Tab switch   / search   r read new commits   q quit"
        }
        (false, Tab::Files) => "↑↓ select   Tab switch   / search   r read new commits   q quit",
    };
    let mut line = Line::default();
    if let Some(status) = &model.status {
        line.push_span(Span::from(format!(" {} ", plain(status))).fg(Color::Yellow));
    }
    line.push_span(Span::from(format!(" {keys}")).dim());
    line
}

fn panel(title: &str) -> Block<'_> {
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(Style::new().fg(Color::DarkGray));
    if title.is_empty() {
        block
    } else {
        block.title(Line::from(format!(" {title} ")).style(Style::new().fg(Color::Reset).bold()))
    }
}

/// The first row to show, so that the selected one is in the middle where it can be.
fn first_row(selected: usize, rows: usize, height: usize) -> usize {
    selected.saturating_sub(height / 2).min(rows.saturating_sub(height))
}

#[cfg(test)]
mod tests;
