//! TypeScript clients among themselves.

use livestore_interop::{Client as _, Network, Setup, World};
use serde_json::json;

/// Two clients write in turn and at once, and come to the same.
fn two_converge(store_id: &str, first: Setup, second: Setup) {
    let Some(world) = World::start_in_ci(store_id) else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let [first, second] = world.typescripts([(&network, first), (&network, second)]);
    first.add("a");
    let _ = world.converged(&[&first, &second], 1);
    second.add("b");
    let (trail, _) = world.converged(&[&first, &second], 2);
    assert_eq!(trail, ["+a", "+b"]);
    first.add("c");
    second.add("d");
    let (_, notes) = world.converged(&[&first, &second], 4);
    let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["a of first", "b of second", "c of first", "d of second"]);
    assert_eq!(server.log(store_id).len(), 4);
    first.quit();
    second.quit();
    server.stop();
}

#[test]
fn two_converge_over_websockets() {
    two_converge("over-ws", Setup::ws("first"), Setup::ws("second"));
}

#[test]
fn two_converge_over_http() {
    two_converge("over-http", Setup::http("first"), Setup::http("second"));
}

#[test]
fn one_over_a_websocket_and_one_over_http_converge() {
    two_converge("mixed", Setup::ws("first"), Setup::http("second"));
}

/// As much at once as the published clients survive.
#[test]
fn three_that_commit_at_once_converge() {
    let Some(world) = World::start_in_ci("at-once") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let setups = ["a", "b", "c"].map(|name| (&network, Setup::ws(name)));
    let clients = world.typescripts(setups);
    for client in &clients {
        let events: Vec<_> =
            (0..15).map(|n| json!(["noteAdded", {"id": format!("{}{n}", client.name()), "text": ""}])).collect();
        client.commit_each(&events.into());
    }
    let [a, b, c] = &clients;
    let (trail, notes) = world.converged(&[a, b, c], 45);
    assert_eq!(notes.len(), 45);
    // Whatever the order, that of each client is kept.
    for client in &clients {
        let own: Vec<_> = trail.iter().filter(|step| step.starts_with(&format!("+{}", client.name()))).collect();
        let expected: Vec<_> = (0..15).map(|n| format!("+{}{n}", client.name())).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
    assert_eq!(server.log("at-once").len(), 45);
    server.stop();
}
