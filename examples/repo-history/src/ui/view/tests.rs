use super::*;
use crate::queries::Found;
use crate::schema::{Author, File, Month, Repository};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::sync::Arc;

fn model() -> Model {
    let author = |name: &str, commits| Author { name: name.into(), commits, added: 10, deleted: 2 };
    let file = |path: &str, changes| File { path: path.into(), changes, added: 10, deleted: 2 };
    let month = |month: &str, commits| Month { month: month.into(), commits };
    let found = |oid: &str, subject: &str| Found {
        oid: oid.repeat(40),
        author: "Ann".into(),
        email: "ann@example.com".into(),
        authored_at: 1_709_251_199,
        offset_minutes: 60,
        subject: subject.into(),
        parents: 1,
        files: 2,
        added: 1_000,
        deleted: 3,
    };
    Model {
        repository: Arc::new(Some(Repository {
            id: 1,
            path: "/src/demo".into(),
            first_commit: "a".repeat(40),
            commits: 1_234,
            added: 20_000,
            deleted: 5,
        })),
        authors: Arc::new(vec![author("Ann", 1_000), author("Bo\u{1b}[2J", 234)]),
        files: Arc::new(vec![file("src/main.rs", 40), file("README.md", 4)]),
        months: Arc::new(vec![month("2023-12", 4), month("2024-02", 8)]),
        counts: Arc::new((2, 2)),
        found: Arc::new(vec![found("a", "Fix the leak"), found("b", "Merge")]),
        ..Model::default()
    }
}

fn drawn(model: &mut Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(model: &mut Model, expected: &[&str]) {
    let drawn = drawn(model, 90, 16);
    expected.iter().for_each(|part| assert!(drawn.contains(part), "`{part}` is not in\n{drawn}"));
}

#[test]
fn the_overview_shows_activity_authors_and_files() {
    let mut model = model();
    check(
        &mut model,
        &[
            " /src/demo 1,234 commits  2 authors  2 files  +20,000 -5",
            "1 Overview │ 2 Commits │ 3 Authors │ 4 Files",
            "Commits per month, at most 8",
            "│2023  2024",
            "1,000 █████████ Ann",
            "  234 ██▏",
            "   40 ███████████ src/main.rs",
            "q quit",
        ],
    );
    assert!(!drawn(&mut model, 90, 16).contains('\u{1b}'));
}

#[test]
fn commits_show_the_search_and_the_selected_one() {
    let mut model = model();
    model.search_for("leak".into());
    model.is_typing = true;
    check(
        &mut model,
        &["› leak", "2024-03-01 aaaaaaaa Ann", "+1,000 -3", "Fix the leak", "Ann <ann@example.com>", "2 commits"],
    );
    model.select(1);
    check(&mut model, &[&"b".repeat(40)]);
    model.found = Arc::default();
    check(&mut model, &["0 commits", "no commit has all of these words"]);
}

#[test]
fn lists_say_when_they_are_not_whole() {
    let mut model = model();
    model.tab = Tab::Authors;
    check(&mut model, &["Authors by commits, 2 ", "Ann  +10 -2"]);
    model.tab = Tab::Files;
    model.counts = Arc::new((2, 7_000));
    check(&mut model, &["first 2 of 7,000", "README.md"]);
}

#[test]
fn an_empty_store_says_what_to_do() {
    check(&mut Model::default(), &["repo-history import REPO"]);
}

#[test]
fn every_size_of_terminal_can_be_drawn() {
    for (width, height) in [(1, 1), (2, 3), (5, 5), (20, 6), (300, 80)] {
        for tab in Tab::ALL {
            let mut model = Model { tab, is_typing: true, search: "long ".repeat(40), ..model() };
            drawn(&mut model, width, height);
        }
    }
}
