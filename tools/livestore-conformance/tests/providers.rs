//! The suite for sync providers against a backend that keeps its promises, and against ones that each break one.

mod reference;

use livestore_conformance::sync::{self, Door, Subject, connection, pull, push};
use livestore_conformance::{Check, Entry, Miss, Report};
use reference::{Backend, Break};
use std::time::Duration;

struct Reference {
    keeps: bool,
    broken: Break,
}

impl Subject for Reference {
    type Provider = Backend;
    type Backend = Backend;

    fn backend(&self) -> Backend {
        Backend::new(self.keeps, self.broken)
    }

    fn provider(&self, backend: &Backend) -> Backend {
        backend.clone()
    }

    fn keeps_identity(&self) -> bool {
        self.keeps
    }

    fn disconnect(&self, backend: &Backend) -> bool {
        backend.disconnect();
        true
    }

    fn set_door(&self, backend: &Backend, door: Door) -> bool {
        backend.set_door(door);
        true
    }

    fn replace_backend(&self, backend: &Backend) -> bool {
        backend.replace();
        true
    }

    fn idle_time(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn patience(&self) -> Duration {
        // Nothing here takes time; a broken promise shows in silence, and is not waited for long.
        if self.broken == Break::Nothing { sync::PATIENCE } else { Duration::from_millis(500) }
    }
}

fn run(keeps: bool, broken: Break) -> Report {
    sync::run(&Reference { keeps, broken })
}

#[test]
fn a_backend_that_keeps_identity_conforms() {
    let report = run(true, Break::Nothing);
    report.assert_passed();
    assert_eq!(report.names_not_applicable(), [""; 0], "{report}");
}

#[test]
fn each_point_is_told_of_as_it_ends() {
    struct Watched(std::sync::Mutex<Vec<String>>);

    impl Subject for Watched {
        type Provider = Backend;
        type Backend = Backend;

        fn backend(&self) -> Backend {
            Backend::new(true, Break::Nothing)
        }

        fn provider(&self, backend: &Backend) -> Backend {
            backend.clone()
        }

        fn ended(&self, entry: &Entry) {
            self.0.lock().unwrap().push(entry.to_string());
        }
    }

    let watched = Watched(std::sync::Mutex::default());
    let report = pull::run(&watched);
    assert_eq!(watched.0.into_inner().unwrap().concat(), report.to_string());
    assert!(!report.entries.is_empty());
}

#[test]
fn a_backend_that_keeps_no_identity_conforms() {
    let report = run(false, Break::Nothing);
    report.assert_passed();
    let without =
        ["groups_are_not_split_over_pages", "a_repeat_is_accepted_once", "ids_at_other_numbers_are_no_repeat"];
    assert_eq!(report.names_not_applicable(), without, "{report}");
}

/// The broken promise makes the point that is about it fail.
fn check(broken: Break, point: fn(&Reference) -> Check) {
    let found = point(&Reference { keeps: true, broken });
    assert!(matches!(found, Err(Miss::Failed(_))), "{broken:?} was not found out: {found:?}");
}

#[test]
fn broken_pages_are_found_out() {
    check(Break::NoEmptyPage, pull::an_empty_log_is_one_empty_page);
    check(Break::InclusiveCursor, pull::a_pull_begins_after_its_cursor);
    check(Break::WrongInfo, pull::ten_thousand_events_come_in_pages);
    check(Break::OnePage, pull::large_events_are_split_over_pages);
    check(Break::SplitsGroups, pull::groups_are_not_split_over_pages);
    check(Break::ReformatsArgs, pull::events_come_back_as_they_were);
    check(Break::SilentAboutUnknownCursor, pull::an_unknown_cursor_is_told);
}

#[test]
fn broken_live_pulls_are_found_out() {
    check(Break::NoLive, pull::a_live_pull_follows_others_and_itself);
    check(Break::NoEcho, pull::a_live_pull_follows_others_and_itself);
    check(Break::NoWake, connection::wakes_who_waits);
    check(Break::OldPullGoesOn, pull::a_new_pull_ends_the_one_before);
}

#[test]
fn broken_pushes_are_found_out() {
    check(Break::BothPushesWin, push::one_of_two_concurrent_pushes_wins);
    check(Break::AheadOnGap, push::an_inner_gap_is_an_error);
    check(Break::NoRepeat, push::a_repeat_is_accepted_once);
    check(Break::RepeatsWithoutIds, push::events_without_ids_are_no_repeat);
    check(Break::SmallPushesOnly, push::large_pushes_are_taken_whole);
}

#[test]
fn broken_connections_are_found_out() {
    check(Break::SilentPing, connection::connects_and_answers_a_ping);
    check(Break::SilentCut, connection::a_cut_connection_says_so);
    check(Break::RefusalLooksOffline, connection::a_refusal_is_not_offline);
    check(Break::SameIdAfterReplacing, connection::another_backend_surfaces);
    check(Break::SharesStores, pull::stores_are_isolated);
    check(Break::ForgetsTheCursorOfAReconnect, connection::a_reconnect_resumes);
}
