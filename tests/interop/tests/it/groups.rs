//! What a store in Rust commits together stays together for TypeScript.

use livestore_interop::schema::NoteAdded;
use livestore_interop::{Network, Setup, World};
use serde_json::json;

/// A commit of so many events, whose ids begin alike.
fn group(name: &str, events: usize) -> Vec<NoteAdded> {
    (0..events).map(|n| NoteAdded { id: format!("{name}.{n}"), text: String::new() }).collect()
}

/// How many events of a commit a state has.
fn of_group(state: &[String], name: &str) -> usize {
    state.iter().filter(|step| step.starts_with(&format!("+{name}."))).count()
}

#[test]
fn commits_of_rust_arrive_whole_and_in_order() {
    let Some(world) = World::start_in_ci("groups") else { return };
    let server = world.server("data");
    let (near, far) = (Network::to(server.address()), Network::to(server.address()));
    let rust = world.rust(&near, "rust");
    let typescript = world.typescript(&far, &Setup::ws("typescript"));
    // The largest does not fit into what these clients take at once.
    let sizes = [3, 7, 95, 2, 130, 90];
    for (index, size) in sizes.into_iter().enumerate() {
        rust.commit(group(&format!("g{index}"), size));
    }
    let all: usize = sizes.iter().sum();
    let (trail, _) = world.converged(&[&rust, &typescript], all);
    let expected = sizes.iter().enumerate();
    let expected: Vec<_> =
        expected.flat_map(|(index, size)| (0..*size).map(move |n| format!("+g{index}.{n}"))).collect();
    assert_eq!(trail, expected);
    for state in typescript.shown() {
        for (index, size) in sizes.into_iter().enumerate() {
            let seen = of_group(&state, &format!("g{index}"));
            assert!(
                seen == 0 || seen == size || size > 100,
                "TypeScript was shown {seen} events of a commit of {size}"
            );
        }
    }
    server.stop();
}

#[test]
fn nothing_comes_between_the_events_of_a_commit() {
    let Some(world) = World::start_in_ci("between") else { return };
    let server = world.server("data");
    let (near, far) = (Network::to(server.address()), Network::to(server.address()));
    let rust = world.rust(&near, "rust");
    let typescript = world.typescript(&far, &Setup::ws("typescript"));
    for index in 0..10 {
        rust.commit(group(&format!("g{index}"), 3));
    }
    let events: Vec<_> = (0..10).map(|n| json!(["noteAdded", {"id": format!("t{n}"), "text": ""}])).collect();
    typescript.commit_each(&events.into());
    let (trail, _) = world.converged(&[&rust, &typescript], 40);
    for index in 0..10 {
        let first = trail.iter().position(|step| *step == format!("+g{index}.0")).expect("it is there");
        let expected: Vec<_> = (0..3).map(|n| format!("+g{index}.{n}")).collect();
        assert_eq!(trail[first..first + 3], expected);
    }
    server.stop();
}
