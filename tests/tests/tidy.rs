//! The house rules that a machine can check.

use std::path::{Path, PathBuf};

/// The floors of `livestore/src`: a module uses its own floor and those below.
const FLOORS: [&[&str]; 7] = [
    &["value", "error", "ids", "callback", "crash", "mutant", "threads"],
    &["event", "schema", "query", "document"],
    &["sqlite", "eventlog", "journal", "materialize", "sync", "reactivity"],
    &["leader", "session", "unknown"],
    &["adapter"],
    &["live", "store", "devtools"],
    // What generated code calls; nothing in the library uses it.
    &["support"],
];

/// The longest file; one that grows past 400 lines should have been thought about before.
const LINES_MAX: usize = 600;

/// What must not stay in a committed file. Written apart, so that this file does not contain it.
const LEFTOVERS: [&str; 4] =
    [concat!("to", "do!("), concat!("db", "g!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")];

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace").to_owned()
}

/// Every Rust file of the workspace, without what is built.
fn sources(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the folder reads") {
        let path = entry.expect("the folder reads").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).expect("the file reads");
            let path = path.strip_prefix(root()).expect("it is inside").to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

fn workspace() -> Vec<Source> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    assert!(found.len() > 50, "the files of the workspace are found");
    found
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The module of a library file; `None` for other files, for the root and for tests.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("livestore/src/").filter(|inside| *inside != "lib.rs")?;
    let is_test = inside.ends_with("/tests.rs") || inside.contains("/tests/");
    (!is_test).then(|| inside.split('/').next().unwrap_or_default().trim_end_matches(".rs"))
}

/// The modules that a line names after `crate::`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split("crate::").skip(1);
    words.map(|rest| rest.split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap_or_default())
}

/// Where a file uses a floor above its own, or a module that has none.
fn upward_edges(source: &Source) -> Vec<String> {
    let Some(module) = module(&source.path) else { return Vec::new() };
    let Some(own) = floor(module) else { return vec![format!("{}: `{module}` stands on no floor", source.path)] };
    let mut found = Vec::new();
    // Unit tests inside a file may use what they like.
    let lines = source.text.lines().take_while(|line| *line != "#[cfg(test)]");
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        for other in named(line) {
            match floor(other) {
                Some(other) if other <= own => {}
                _ => found.push(format!("{}:{}: `{module}` uses `{other}`", source.path, index + 1)),
            }
        }
    }
    found
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > LINES_MAX).then(|| format!("{}: {lines} lines, at most {LINES_MAX}", source.path))
}

fn leftovers(source: &Source) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| LEFTOVERS.iter().any(|word| line.contains(word)))
        .map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim()))
        .collect()
}

fn check(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<_> = complaints.collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_module_uses_a_floor_above_its_own() {
    check(workspace().iter().flat_map(upward_edges));
}

#[test]
fn files_are_short() {
    check(workspace().iter().filter_map(too_long));
}

#[test]
fn nothing_is_left_over() {
    check(workspace().iter().flat_map(leftovers));
}

fn sample(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

#[test]
fn the_check_of_floors_finds_what_it_looks_for() {
    let edges = |path, text| upward_edges(&sample(path, text)).len();
    assert_eq!(edges("livestore/src/event/number.rs", "use crate::leader::Leader;"), 1);
    assert_eq!(edges("livestore/src/event.rs", "fn f() { crate::store::f(crate::live::g()) }"), 2);
    assert_eq!(edges("livestore/src/attic.rs", ""), 1);
    assert_eq!(edges("livestore/src/event.rs", "use crate::attic::Box;"), 1);
    assert_eq!(edges("livestore/src/store.rs", "use crate::leader::Leader;\nuse crate::ids::StoreId;"), 0);
    assert_eq!(edges("livestore/src/ids.rs", "// see crate::store\n#[cfg(test)]\nuse crate::store::Store;"), 0);
    assert_eq!(edges("livestore/src/journal/tests.rs", "use crate::store::Store;"), 0);
}

#[test]
fn the_other_checks_find_what_they_look_for() {
    assert!(too_long(&sample("a.rs", &"\n".repeat(LINES_MAX + 1))).is_some());
    assert!(too_long(&sample("a.rs", &"\n".repeat(LINES_MAX))).is_none());
    for word in LEFTOVERS {
        assert_eq!(leftovers(&sample("a.rs", &format!("fn f() {{}}\n{word}"))).len(), 1, "{word}");
    }
}
