use super::*;
use crate::schema::{Filter, Todo, UiState};
use crate::ui::app::{Counts, Health, LogLine, Notice};
use crate::ui::input::Input;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::sync::Arc;

fn todo(position: i64, text: &str, completed: bool) -> Todo {
    Todo { id: format!("id{position}"), text: text.into(), completed, deleted: false, position }
}

fn app(todos: Vec<Todo>) -> App {
    let done = todos.iter().filter(|todo| todo.completed).count() as i64;
    let head = || format!("e{}", todos.len());
    let mut app = App::default();
    app.counts = Counts { open: todos.len() as i64 - done, done };
    app.health = Health { local_head: head(), upstream_head: head(), ..Health::default() };
    app.set_todos(Arc::new(todos));
    app
}

fn three() -> App {
    app(vec![
        todo(1, "buy oat milk", false),
        todo(2, "日本語 and a text that is too long for it", true),
        todo(3, "tea", false),
    ])
}

/// The screen's lines, without what is blank at their ends.
fn drawn(app: &mut App, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let row = |y: u16| {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        line.trim_end().to_owned()
    };
    (0..height).map(row).collect()
}

#[track_caller]
fn check(app: &mut App, width: u16, height: u16, expected: &[&str]) {
    let lines = drawn(app, width, height);
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
}

#[test]
fn a_list_on_a_small_terminal() {
    check(
        &mut three(),
        40,
        10,
        &[
            " Todos            All 3  Open 2  Done 1",
            "▌○ buy oat milk",
            " ✓ 日本語 and a text that is too long f…",
            " ○ tea",
            "",
            "",
            "",
            "",
            " 2 open · 1 done · eventlog e3 · 1/3",
            " ? help  a add  space done  e edit",
        ],
    );
}

#[test]
fn the_eventlog_stands_below_or_beside_the_list() {
    let mut app = three();
    app.ui.shows_eventlog = true;
    for (number, name, args) in [("e1", "v1.TodoCreated", r#"{"id":"a"}"#), ("e1.1", "uiStateSet", "{}")] {
        app.log(LogLine { number: number.into(), name: name.into(), args: args.into(), is_client_only: false });
    }
    check(
        &mut app,
        40,
        10,
        &[
            " Todos            All 3  Open 2  Done 1",
            "▌○ buy oat milk",
            " ✓ 日本語 and a text that is too long f…",
            " ○ tea",
            "",
            "┌ Eventlog ────────────────────────────┐",
            "│e1.1 uiStateSet {}                    │",
            "└──────────────────────────────────────┘",
            " 2 open · 1 done · eventlog e3 · 1/3",
            " ? help  a add  space done  e edit",
        ],
    );
    let wide = drawn(&mut app, 100, 8);
    assert!(
        wide[2].contains("日本語") && wide[2].ends_with(r#"│e1   v1.TodoCreated {"id":"a"}                  │"#),
        "{wide:#?}"
    );
}

#[test]
fn a_line_that_is_typed_has_the_cursor() {
    let mut app = three();
    app.mode = Mode::Add(Input::new("日本"));
    let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
    terminal.draw(|frame| draw(&mut app, frame)).unwrap();
    terminal.backend_mut().assert_cursor_position((11, 7));
    let lines = drawn(&mut app, 40, 10);
    assert_eq!(lines[7..], [" Add › 日本", " 2 open · 1 done · eventlog e3 · 1/3", " enter add  esc close"]);
}

#[test]
fn a_long_list_shows_the_part_with_the_selected_todo() {
    let mut app = app((1..=5_000).map(|n| todo(n, &format!("todo {n}"), false)).collect());
    app.select(usize::MAX);
    let lines = drawn(&mut app, 40, 8);
    assert_eq!(lines[1], format!("{:39}│", " ○ todo 4996"));
    assert_eq!(lines[5], format!("{:39}┃", "▌○ todo 5000"));
    app.select(4_990);
    let lines = drawn(&mut app, 40, 8);
    assert!(lines[1].starts_with("▌○ todo 4991"), "{lines:#?}");
}

#[test]
fn an_empty_list_says_what_to_do() {
    let line =
        |app: &mut App| drawn(app, 60, 10).iter().skip(1).find(|line| !line.is_empty()).unwrap().trim().to_owned();
    let mut app = app(Vec::new());
    assert_eq!(line(&mut app), "Nothing to do. Press a to add something.");
    app.ui = UiState { filter: Filter::Open, ..UiState::default() };
    assert_eq!(line(&mut app), "Nothing is open. Well done!");
    app.search = "zebra".into();
    assert_eq!(line(&mut app), "Nothing has “zebra” in it.");
}

#[test]
fn faults_are_shown() {
    let mut app = three();
    app.health.problem = Some("nothing more is written: the disk is gone".into());
    app.notice = Some(Notice::Failed("event `x` was refused".into()));
    let lines = drawn(&mut app, 60, 10);
    assert_eq!(lines[7], " event `x` was refused");
    assert_eq!(lines[8], " nothing more is written: the disk is gone");
}

#[test]
fn pending_events_are_counted() {
    let mut app = three();
    app.health = Health { local_head: "e5".into(), upstream_head: "e3".into(), pending: 2, ..Health::default() };
    assert_eq!(drawn(&mut app, 60, 10)[8], " 2 open · 1 done · eventlog e3 → e5 · 2 pending · 1/3");
    app.health.sync = Some("offline, again in 4 s".into());
    assert_eq!(
        drawn(&mut app, 80, 10)[8],
        " 2 open · 1 done · offline, again in 4 s · eventlog e3 → e5 · 2 pending · 1/3"
    );
}

#[test]
fn with_a_backend_what_it_does_not_have_is_counted() {
    let mut app = three();
    app.health.sync = Some("offline, again in 25 s (r: now)".into());
    app.health.to_sync = Some(2);
    let shown = " 2 open · 1 done · 2 to sync · offline, again in 25 s (r: now) · eventlog e3 · 1/3";
    assert_eq!(drawn(&mut app, 90, 10)[8], shown);
    app.health.sync = Some("synced".into());
    app.health.to_sync = Some(0);
    assert_eq!(drawn(&mut app, 90, 10)[8], " 2 open · 1 done · synced · eventlog e3 · 1/3");
}

#[test]
fn windows_scroll_and_stop_at_their_end() {
    let mut app = three();
    app.mode = Mode::Help(u16::MAX);
    let lines = drawn(&mut app, 40, 10);
    assert!(lines[8].contains("quit"), "{lines:#?}");
    assert_eq!(app.mode, Mode::Help(9));
    app.mode = Mode::Details(0);
    app.select(1);
    let lines = drawn(&mut app, 40, 10);
    assert!(lines[3].contains(" id2 · done ") && lines[5].contains("│it "), "{lines:#?}");
}

#[test]
fn texts_cannot_steer_the_terminal() {
    let mut app = app(vec![todo(1, "\x1b[31mred\nnext", false)]);
    assert_eq!(drawn(&mut app, 40, 8)[1], "▌○ \u{fffd}[31mred⏎next");
}

#[test]
fn every_size_can_be_drawn_in_every_mode() {
    let modes = [
        Mode::List,
        Mode::Add(Input::new("日本語 text")),
        Mode::Edit { id: "id1".into(), input: Input::new("x") },
        Mode::Search(Input::default()),
        Mode::Help(3),
        Mode::Details(0),
    ];
    for mode in modes {
        let widths = [0, 1, 2, 3, 5, 8, 13, 21, 40, 120];
        for (width, height) in widths.into_iter().flat_map(|width| (0..10).map(move |height| (width, height))) {
            let mut app = three();
            app.mode = mode.clone();
            app.ui.shows_eventlog = true;
            app.log(LogLine { number: "e1".into(), name: "n".into(), args: "日本語".into(), is_client_only: true });
            drawn(&mut app, width, height);
        }
    }
}
