//! The client against the sync backend of TypeScript LiveStore: sync-cf 0.4.0, in workerd, from npm.
//!
//! Where Node is missing these tests say that they skip; with `CI` set that is a failure.

mod backend;
mod support;

use backend::OriginalBackend;
use livestore_conformance::{Report, sync};
use livestore_sync_client::Transport;
use std::io::Write as _;
use std::sync::OnceLock;
use support::{Conformance, Site, scenarios};

/// A backend that runs as long as the tests.
fn site() -> Option<Site> {
    static BACKEND: OnceLock<Option<OriginalBackend>> = OnceLock::new();
    BACKEND.get_or_init(OriginalBackend::start).as_ref().map(OriginalBackend::site)
}

/// What it does otherwise than the suite asks: a cursor behind its end it answers with an empty page that tells nothing of its end, and
/// of two pushes at once it may refuse one with an error of its storage (measured). The store asks from one event before its head
/// on, and so sees the one all the same; after the other it tries again.
const OTHERWISE: [&str; 2] = ["an_unknown_cursor_is_told", "one_of_two_concurrent_pushes_wins"];
const WITHOUT_IDENTITY: [&str; 3] =
    ["groups_are_not_split_over_pages", "a_repeat_is_accepted_once", "ids_at_other_numbers_are_no_repeat"];

/// All of it takes minutes with this backend, so most runs in CI, or where somebody asks for it.
fn site_in_ci() -> Option<Site> {
    let is_wanted = ["CI", "ORIGINAL_SUITE"].into_iter().any(|name| std::env::var_os(name).is_some());
    if is_wanted {
        return site();
    }
    writeln!(std::io::stderr().lock(), "SKIPPED: runs in CI, or where ORIGINAL_SUITE is set").unwrap();
    None
}

/// The development server that the backend runs in starts its worker anew now and then, under load; it says so in its answers. What
/// happens then says nothing of the client, so the suite is run again.
fn run_suite(conformance: &Conformance) -> Report {
    let mut report = sync::run(conformance);
    for _ in 0..2 {
        if !report.to_string().contains("worker restarted mid-request") {
            break;
        }
        report = sync::run(conformance);
    }
    report
}

#[test]
fn the_client_conforms_over_a_websocket() {
    let Some(site) = site_in_ci() else { return };
    let report = run_suite(&Conformance { site, transport: Transport::WebSocket });
    assert!(report.names_failed().iter().all(|name| OTHERWISE.contains(name)), "{report}");
    assert_eq!(report.names_not_applicable(), WITHOUT_IDENTITY, "{report}");
}

#[test]
fn the_client_conforms_over_http() {
    let Some(site) = site_in_ci() else { return };
    let report = run_suite(&Conformance { site, transport: Transport::Http });
    assert!(report.names_failed().iter().all(|name| OTHERWISE.contains(name)), "{report}");
    let cuts = ["a_cut_connection_says_so", "a_reconnect_resumes"];
    assert_eq!(report.names_not_applicable(), [&cuts[..], &WITHOUT_IDENTITY[..]].concat(), "{report}");
}

#[test]
fn stores_converge() {
    site().into_iter().for_each(scenarios::stores_converge);
}

#[test]
fn a_store_resumes() {
    site_in_ci().into_iter().for_each(scenarios::a_store_resumes);
}

/// Without ids in its log, the push is known again by what is in it.
#[test]
fn a_lost_answer_is_made_good() {
    site_in_ci().into_iter().for_each(scenarios::a_lost_answer_is_made_good);
}

/// It sends news ahead of the backlog, and then again (measured).
#[test]
fn a_pull_among_pushes_stays_in_order() {
    site_in_ci().into_iter().for_each(scenarios::a_pull_among_pushes_stays_in_order);
}

#[test]
fn a_token_is_renewed() {
    site_in_ci().into_iter().for_each(scenarios::a_token_is_renewed);
}

#[test]
fn a_replaced_backend_gets_everything() {
    let Some((site, other)) = site_in_ci().zip(OriginalBackend::start()) else { return };
    scenarios::a_replaced_backend_gets_everything(site, other.site());
}
