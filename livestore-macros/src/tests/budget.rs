//! How much the macros may write: the compiler reads all of it, in every build of every application.

use super::expand;

/// Lines of one more part: what the macro writes is linear, so that one difference tells.
fn lines_of_one_more(input: impl Fn(usize) -> String) -> usize {
    let lines = |parts: usize| expand(&input(parts)).lines().count();
    lines(9) - lines(8)
}

#[test]
fn an_event_adds_at_most_15_lines_to_serde() {
    let lines = expand("#[event(\"v1.Added\")]\npub struct Added {\n    pub id: String,\n}").lines().count();
    let (derives_and_serde, item) = (8, 3);
    assert!(lines - derives_and_serde - item <= 15, "{lines}");
}

#[test]
fn a_column_adds_at_most_12_lines() {
    let table = |columns: usize| {
        let fields: String = (0..columns).map(|index| format!("    pub c{index}: i64,\n")).collect();
        format!("#[table(\"t\")]\nstruct T {{\n    #[column(primary_key)]\n    pub id: i64,\n{fields}}}")
    };
    let lines = lines_of_one_more(table);
    assert!(lines <= 12, "{lines}");
    assert!(expand(&table(0)).lines().count() <= 60, "{}", expand(&table(0)));
}

#[test]
fn a_schema_adds_at_most_29_lines_for_an_event() {
    let lines = lines_of_one_more(|events| {
        let names: String = (0..events).map(|index| format!("Event{index}, ")).collect();
        format!("#[schema(events({names}))]\nstruct App;")
    });
    assert!(lines <= 29, "{lines}");
}

#[test]
fn a_materializer_adds_at_most_13_lines() {
    let lines = lines_of_one_more(|events| {
        let functions: String = (0..events).map(|index| format!("fn event{index}(_: Event{index}) {{}}\n")).collect();
        format!("#[materializers]\nimpl App {{\n{functions}}}")
    });
    assert!(lines - 1 <= 13, "{lines}");
}
