//! More than fits into one message.

use livestore_interop::schema::NoteAdded;
use livestore_interop::{Network, Setup, World};
use serde_json::{Value, json};

fn text(bytes: usize, seed: usize) -> String {
    format!("{seed} ").chars().cycle().take(bytes).collect()
}

#[test]
fn more_than_a_hundred_events_at_once_pass() {
    let Some(world) = World::start_in_ci("many") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let [socket, polling] = world.typescripts([(&network, Setup::ws("socket")), (&network, Setup::http("polling"))]);
    let events: Vec<_> = (0..250).map(|n| json!(["noteAdded", {"id": format!("t{n}"), "text": ""}])).collect();
    socket.commit(&events.into());
    let _ = world.converged(&[&rust, &socket, &polling], 250);
    let events: Vec<_> = (0..250).map(|n| NoteAdded { id: format!("r{n}"), text: String::new() }).collect();
    rust.commit(events);
    let (trail, _) = world.converged(&[&rust, &socket, &polling], 500);
    let expected: Vec<_> = ["t", "r"].iter().flat_map(|side| (0..250).map(move |n| format!("+{side}{n}"))).collect();
    assert_eq!(trail, expected);
    // And so does the whole log, for one that begins now.
    let [late, late_polling] =
        world.typescripts([(&network, Setup::ws("late")), (&network, Setup::http("late-polling"))]);
    assert_eq!(world.converged(&[&late, &late_polling], 500).0, expected);
    server.stop();
}

#[test]
fn more_bytes_than_one_message_takes_pass() {
    let Some(world) = World::start_in_ci("large") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let [socket, polling] = world.typescripts([(&network, Setup::ws("socket")), (&network, Setup::http("polling"))]);
    // 1.2 MB in events of 40 kB, and then single ones near the limit of a message.
    let event = |id: String, bytes, seed| json!(["noteAdded", {"id": id, "text": text(bytes, seed)}]);
    let events: Vec<Value> = (0..30).map(|n| event(format!("t{n}"), 40_000, n)).collect();
    socket.commit(&events.into());
    polling.commit(&json!([event("t-large".into(), 880_000, 7)]));
    let _ = world.converged(&[&rust, &socket, &polling], 31);
    let events: Vec<_> = (0..30).map(|n| NoteAdded { id: format!("r{n}"), text: text(40_000, n) }).collect();
    for event in events {
        rust.commit(event);
    }
    rust.commit(NoteAdded { id: "r-large".into(), text: text(880_000, 8) });
    let (_, notes) = world.converged(&[&rust, &socket, &polling], 62);
    assert!(notes.iter().map(|note| note.text.len()).sum::<usize>() > 4_000_000);
    for n in 0..30 {
        for side in ["t", "r"] {
            let id = format!("{side}{n}");
            let note = notes.iter().find(|note| note.id == id);
            assert!(note.is_some_and(|note| note.text == text(40_000, n)), "{id}");
        }
    }
    let [late, late_polling] =
        world.typescripts([(&network, Setup::ws("late")), (&network, Setup::http("late-polling"))]);
    let _ = world.converged(&[&late, &late_polling, &rust], 62);
    server.stop();
}
