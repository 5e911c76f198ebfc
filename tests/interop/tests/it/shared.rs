//! A store that both languages share.

use livestore_interop::schema::{AllCleared, Measured, NoteAdded, NoteEdited};
use livestore_interop::{Network, Note, PATIENCE, Server, Setup, World};
use serde_json::json;
use serde_json::value::RawValue;

/// The args of a store's events as the server keeps them: text, byte for byte.
fn args(server: &Server, store_id: &str) -> Vec<Option<String>> {
    #[derive(serde::Deserialize)]
    struct Event {
        args: Option<Box<RawValue>>,
    }
    let event = |body: String| serde_json::from_str::<Event>(&body).unwrap().args.map(|args| args.get().to_owned());
    server.log(store_id).into_iter().map(event).collect()
}

#[test]
fn both_write_and_both_see_everything() {
    let Some(world) = World::start("both") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let [socket, polling] = world.typescripts([(&network, Setup::ws("socket")), (&network, Setup::http("polling"))]);
    rust.add("a");
    let _ = world.converged(&[&rust, &socket, &polling], 1);
    socket.add("b");
    let _ = world.converged(&[&rust, &socket, &polling], 2);
    polling.commit(&json!([["noteEdited", {"id": "a", "text": "edited"}]]));
    let _ = world.converged(&[&rust, &socket, &polling], 3);
    rust.commit(NoteEdited { id: "b".into(), text: "edited too".into() });
    let (trail, notes) = world.converged(&[&rust, &socket, &polling], 4);
    assert_eq!(trail, ["+a", "+b", "~a", "~b"]);
    let note = |id: &str, text: &str| Note { id: id.into(), text: text.into(), value: None };
    assert_eq!(notes, [note("a", "edited"), note("b", "edited too")]);
    assert!(rust.store().wait_synced(PATIENCE));
    server.stop();
}

#[test]
fn events_without_args_are_the_same_to_both() {
    let Some(world) = World::start("void") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let typescript = world.typescript(&network, &Setup::ws("typescript"));
    rust.add("a");
    let _ = world.converged(&[&rust, &typescript], 1);
    typescript.commit(&json!([["allCleared", null]]));
    let (_, notes) = world.converged(&[&rust, &typescript], 2);
    assert_eq!(notes, []);
    typescript.add("b");
    let _ = world.converged(&[&rust, &typescript], 3);
    rust.commit(AllCleared);
    let (trail, notes) = world.converged(&[&rust, &typescript], 4);
    assert_eq!((trail.join(" ").as_str(), notes), ("+a ! +b !", vec![]));
    let args = args(&server, "void");
    assert_eq!([args[1].as_deref(), args[3].as_deref()], [None, None], "absent, and not null");
    // One that reads it all from the log understands it as well.
    let late = world.typescript(&network, &Setup::http("late"));
    let _ = world.converged(&[&typescript, &late], 4);
    server.stop();
}

const TEXT: &str =
    "\u{e9}\u{df} \u{4f60}\u{597d} \u{1f469}\u{200d}\u{1f680} \u{2028}\u{feff} \"quoted\\\" <&> \u{1}\t\r\n\u{7f}";

/// What JavaScript makes of a number, for each of them.
const NUMBERS: [(f64, &str); 9] = [
    (0.1, "0.1"),
    (-1.5, "-1.5"),
    (1e21, "1e+21"),
    (1e-7, "1e-7"),
    (5e-324, "5e-324"),
    (f64::MAX, "1.7976931348623157e+308"),
    (9_007_199_254_740_991.0, "9007199254740991"),
    (123_456_789_012_345_680_000.0, "123456789012345680000"),
    (7.0, "7"),
];

#[test]
fn texts_and_numbers_arrive_as_they_were_written() {
    let Some(world) = World::start_in_ci("texts") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let typescript = world.typescript(&network, &Setup::ws("typescript"));
    for (index, (value, _)) in NUMBERS.iter().enumerate() {
        typescript.commit(&json!([["measured", {"id": format!("t{index}"), "value": value, "comment": TEXT}]]));
    }
    let _ = world.converged(&[&rust, &typescript], NUMBERS.len());
    for (index, (value, _)) in NUMBERS.iter().enumerate() {
        rust.commit(Measured { id: format!("r{index}"), value: *value, comment: Some(TEXT.into()) });
    }
    let (_, notes) = world.converged(&[&rust, &typescript], 2 * NUMBERS.len());
    for (index, (value, _)) in NUMBERS.iter().enumerate() {
        for side in ["t", "r"] {
            let id = format!("{side}{index}");
            let expected = Note { id: id.clone(), text: TEXT.into(), value: Some(*value) };
            assert_eq!(notes.iter().find(|note| note.id == id), Some(&expected));
        }
    }
    // The server and the store in Rust keep what JavaScript wrote, also where Rust would write it in another way.
    let text = serde_json::to_string(TEXT).unwrap();
    let written = NUMBERS.iter().enumerate();
    let written =
        written.map(|(index, (_, number))| format!(r#"{{"id":"t{index}","value":{number},"comment":{text}}}"#));
    let written: Vec<_> = written.collect();
    let kept: Vec<_> = args(&server, "texts").into_iter().flatten().collect();
    assert_eq!(kept[..NUMBERS.len()], written);
    let mut events = rust.store().raw_events();
    let mut next = || events.next_timeout(PATIENCE).unwrap().unwrap().event.args.unwrap();
    let raw: Vec<_> = kept.iter().map(|_| next()).collect();
    assert_eq!(raw, kept);
    server.stop();
}

#[test]
fn edits_made_without_a_network_meet() {
    let Some(world) = World::start("offline") else { return };
    let server = world.server("data");
    let (near, far) = (Network::to(server.address()), Network::to(server.address()));
    let rust = world.rust(&near, "rust");
    let typescript = world.typescript(&far, &Setup::ws("typescript"));
    rust.add("shared");
    let _ = world.converged(&[&rust, &typescript], 1);
    near.cut();
    far.cut();
    rust.commit((
        NoteAdded { id: "r1".into(), text: "offline".into() },
        NoteEdited { id: "shared".into(), text: "rust".into() },
    ));
    rust.add("r2");
    typescript.commit(&json!([["noteEdited", {"id": "shared", "text": "typescript"}]]));
    typescript.add("t1");
    typescript.add("t2");
    // Each is alone with its own.
    let _ = world.converged(&[&rust], 4);
    let _ = world.converged(&[&typescript], 4);
    assert_eq!(server.log("offline").len(), 1);
    far.mend();
    world.until("what TypeScript wrote is with the server", || server.log("offline").len() == 4);
    near.mend();
    let (trail, notes) = world.converged(&[&rust, &typescript], 7);
    assert_eq!(trail.join(" "), "+shared ~shared +t1 +t2 +r1 ~shared +r2", "who comes later is applied later");
    let shared = notes.iter().find(|note| note.id == "shared").map(|note| note.text.as_str());
    assert_eq!(shared, Some("rust"));
    assert!(rust.store().wait_synced(PATIENCE));
    // A newcomer of either language reads the same from the log.
    let late = world.typescript(&far, &Setup::ws("late"));
    let late_rust = world.rust(&near, "late-rust");
    assert_eq!(world.converged(&[&late, &late_rust, &rust], 7).0, trail);
    server.stop();
}
