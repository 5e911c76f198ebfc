//! SQLite's error codes in the middle of a replay: which are the group's own fault, and which stop the step.

use super::*;
use crate::crash::set_step_code;
use rusqlite::ffi;

/// The errors of a statement or its data: the group is quarantined.
const OF_THE_GROUP: &[i32] = &[
    ffi::SQLITE_ERROR,
    ffi::SQLITE_ERROR_MISSING_COLLSEQ,
    ffi::SQLITE_MISMATCH,
    ffi::SQLITE_RANGE,
    ffi::SQLITE_TOOBIG,
    ffi::SQLITE_AUTH,
    ffi::SQLITE_CONSTRAINT,
    ffi::SQLITE_CONSTRAINT_CHECK,
    ffi::SQLITE_CONSTRAINT_COMMITHOOK,
    ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
    ffi::SQLITE_CONSTRAINT_FUNCTION,
    ffi::SQLITE_CONSTRAINT_NOTNULL,
    ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
    ffi::SQLITE_CONSTRAINT_TRIGGER,
    ffi::SQLITE_CONSTRAINT_UNIQUE,
    ffi::SQLITE_CONSTRAINT_VTAB,
    ffi::SQLITE_CONSTRAINT_ROWID,
];

/// The second byte of a code counts its extended forms; no primary code has more than 34 by now.
const EXTENDED_MAX: i32 = 40;

/// All codes that SQLite may give for an error, and those that it may give one day.
fn all_codes() -> impl Iterator<Item = i32> {
    (1..=26).flat_map(|primary| (0..=EXTENDED_MAX).map(move |extended| primary | extended << 8))
}

fn is_of_the_group(code: i32) -> bool {
    let primary = code & 0xff;
    // What a constraint, or a refusal, is called in more detail changes nothing.
    OF_THE_GROUP.contains(&code) || (primary != ffi::SQLITE_ERROR && OF_THE_GROUP.contains(&primary))
}

/// One replay of what state lacks, with the code at every statement of a materializer: how many groups were quarantined.
/// `None` where the step stopped.
fn replayed(leader: &mut Leader, code: i32) -> Option<usize> {
    let position = leader.state.position();
    set_step_code(Some(code));
    let judged = leader.catch_up_page();
    set_step_code(None);
    match judged {
        Ok(judged) => Some(judged.iter().filter(|judged| judged.verdict != Verdict::Applied).count()),
        Err(error) => {
            assert!(!error.message.is_empty());
            assert_eq!(leader.state.position(), position, "code {code} moved the position");
            assert_eq!(items(leader), [1], "code {code} changed state");
            assert!(leader.quarantined().unwrap().is_empty(), "code {code} left a quarantined group");
            None
        }
    }
}

fn lagging() -> (Folder, Leader) {
    let folder = Folder::new();
    let mut leader = folder.lead();
    leader.ingest(&[group(1)]).unwrap();
    leader.log.append(&[group(2), group(3)]).unwrap();
    (folder, leader)
}

#[test]
fn every_other_code_stops_the_step_and_the_next_try_goes_through() {
    let mut tried = 0;
    for primary in 1..=26 {
        let (_folder, mut leader) = lagging();
        for code in all_codes().filter(|code| code & 0xff == primary && !is_of_the_group(*code)) {
            assert_eq!(replayed(&mut leader, code), None, "code {code} did not stop the step");
            tried += 1;
        }
        leader.catch_up_page().unwrap();
        assert!(leader.is_in_step());
        assert_eq!(items(&leader), [1, 2, 3]);
        assert!(leader.quarantined().unwrap().is_empty());
    }
    assert!(tried > 800, "{tried}");
}

#[test]
fn errors_of_a_constraint_or_of_the_statement_quarantine_the_group() {
    for code in OF_THE_GROUP {
        let (_folder, mut leader) = lagging();
        assert_eq!(replayed(&mut leader, *code), Some(2), "code {code}");
        assert!(leader.is_in_step());
        assert_eq!(items(&leader), [1]);
        assert_eq!(leader.quarantined().unwrap().len(), 2);
    }
}
