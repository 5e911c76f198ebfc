//! Token files that change under a running server.

use crate::support::{Captured, Place, at, enter, status};
use livestore_server::auth::{Gate, Operation, TokenFile, TokenLineError};
use livestore_server::limits::ServerLimits;
use std::sync::Arc;
use std::time::Duration;

fn gate(path: &std::path::Path) -> Gate {
    let file = TokenFile::open(path).unwrap().believed_for(Duration::ZERO);
    Gate::new(Arc::new(file), &ServerLimits::default())
}

#[tokio::test]
async fn a_withdrawn_token_loses_its_open_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "token-of-ada s write ada\ntoken-of-eve s write eve\n").unwrap();
    let gate = gate(&path);
    let mut ada = enter(&gate, Some("token-of-ada"), Place::Payload, "s", at(0)).await.unwrap();
    let mut eve = enter(&gate, Some("token-of-eve"), Place::Header, "s", at(0)).await.unwrap();
    assert!(!ada.is_check_due(at(9)) && ada.is_check_due(at(10)));

    std::fs::write(&path, "token-of-ada s write ada\n").unwrap();
    for operation in [Operation::Write, Operation::Read] {
        assert_eq!(status(&gate.check(&mut eve, operation, at(10)).await), 401);
        assert_eq!(status(&gate.check(&mut ada, operation, at(10)).await), 200);
    }
    assert!(!ada.is_check_due(at(19)) && ada.is_check_due(at(20)), "the next check is put off");
    assert_eq!(status(&enter(&gate, Some("token-of-eve"), Place::Header, "s", at(10)).await), 401);
}

#[tokio::test]
async fn a_right_may_shrink_and_grow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "token-of-ada s write\n").unwrap();
    let gate = gate(&path);
    let mut pass = enter(&gate, Some("token-of-ada"), Place::Both, "s", at(0)).await.unwrap();
    std::fs::write(&path, "token-of-ada s read\n").unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 403);
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 200);
    std::fs::write(&path, "token-of-ada t write\n").unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 403);
    std::fs::write(&path, "token-of-ada * write\n").unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 200);
}

#[tokio::test]
async fn a_broken_file_leaves_the_old_rules_and_is_said_once() {
    let (captured, _guard) = Captured::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "token-of-ada s write\n").unwrap();
    let gate = gate(&path);
    let mut pass = enter(&gate, Some("token-of-ada"), Place::Payload, "s", at(0)).await.unwrap();
    let broken = |said: &'static str| {
        let before = captured.text().len();
        let captured = captured.clone();
        move || {
            let text = captured.text().split_off(before);
            assert_eq!(text.matches(said).count(), 1, "{text}");
            assert!(!text.contains("CANARY"), "{text}");
        }
    };
    for (text, said) in [("CANARY-OF-EVE s\n", "line 1 has 2 fields"), ("CANARY-OF-EVE\n", "line 1 has 1 fields")] {
        let check = broken(said);
        std::fs::write(&path, text).unwrap();
        for _ in 0..3 {
            assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 200);
        }
        check();
    }
    let check = broken("does not read");
    std::fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 200);
    }
    check();
    let check = broken("reads again");
    std::fs::write(&path, "token-of-eve s write\n").unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 401);
    check();
}

#[tokio::test]
async fn a_file_of_the_same_length_and_time_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "token-of-ada s write\n").unwrap();
    let gate = gate(&path);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "token-of-eve s write\n").unwrap();
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(status(&enter(&gate, Some("token-of-ada"), Place::Payload, "s", at(0)).await), 401);
    assert_eq!(status(&enter(&gate, Some("token-of-eve"), Place::Payload, "s", at(0)).await), 200);
}

#[test]
fn a_file_that_is_wrong_at_the_start_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    let absent = TokenFile::open(&path).unwrap_err();
    assert!(absent.to_string().contains("tokens`: it does not read") && absent.line_error().is_none(), "{absent}");
    std::fs::write(&path, "# x\nCANARY s rite\n").unwrap();
    let wrong = TokenFile::open(&path).unwrap_err();
    assert_eq!(wrong.line_error(), Some(&TokenLineError::Access { line: 2 }));
    assert!(!format!("{wrong} {wrong:?}").contains("CANARY"), "{wrong:?}");
    let line = "token-of-ada s read\n";
    let fits = line.repeat((1 << 20) / line.len());
    std::fs::write(&path, format!("{fits}{}", "#".repeat((1 << 20) - fits.len()))).unwrap();
    TokenFile::open(&path).unwrap();
    std::fs::write(&path, format!("{fits}{}", "#".repeat((1 << 20) + 1 - fits.len()))).unwrap();
    assert!(TokenFile::open(&path).unwrap_err().to_string().contains("1048576 bytes"));
}
