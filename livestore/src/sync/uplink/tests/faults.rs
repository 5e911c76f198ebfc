//! What an uplink does when it is not answered.

use super::Bench;
use std::time::Duration;

#[test]
fn silence_is_asked_about_and_ends_the_connection() {
    let mut bench = Bench::live(5, 0);
    bench.check("wait 9", "");
    bench.check("wait 1", "ping");
    bench.check("pong", "");
    bench.check("wait 10", "ping");
    bench.check("wait 9", "");
    bench.check("wait 1", "disconnect");
    assert_eq!(bench.status(), "waiting: offline: no answer to a ping in time");
}

#[test]
fn now_and_then_it_pulls_in_case_a_page_was_lost() {
    let mut bench = Bench::live(5, 1);
    bench.check("nothing", "");
    bench.facts.pending = 0;
    for _ in 0..2 {
        bench.check("wait 10", "ping");
        bench.check("pong", "");
    }
    bench.check("wait 10", "ping, pull 5");
    assert_eq!(bench.status(), "live");
    bench.check("page 5..6", "compare 5..5, apply 6..6");
}

#[test]
fn every_wait_has_an_end() {
    // A connection.
    let mut bench = Bench::new(5, 0);
    bench.check("tick", "connect");
    bench.check("wait 15", "disconnect");
    // A page.
    bench.wait_for_retry();
    bench.check("connected", "pull 4");
    bench.check("wait 10", "ping");
    bench.check("pong", "");
    bench.check("wait 10", "ping, disconnect");
    // A push.
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("wait 10", "ping");
    bench.check("pong", "");
    bench.check("wait 10", "ping, disconnect");
    // Its outcome is not known: pull first.
    bench.wait_for_retry();
    bench.check("connected", "pull 4");
    bench.check("page 5..6", "compare 5..5, apply 6..6");
}

/// The waits between so many losses, in milliseconds.
fn waits(input: &str, count: usize) -> Vec<u128> {
    let mut bench = Bench::new(5, 0);
    bench.check("tick", "connect");
    let mut waits = Vec::new();
    for _ in 0..count {
        bench.check(input, "disconnect");
        let before = bench.now;
        bench.wait_for_retry();
        waits.push((bench.now - before).as_millis());
    }
    waits
}

#[test]
fn retries_back_off_and_stay_within_their_bounds() {
    let bounds = [1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000];
    for (wait, least) in waits("offline", 7).into_iter().zip(bounds) {
        assert!((least..=least * 3 / 2).contains(&wait), "{wait} ms, of {least}");
    }
    let slow = waits("unauthorized", 12);
    assert!((5_000..=7_500).contains(&slow[0]) && (200_000..=300_000).contains(&slow[11]), "{slow:?}");
}

#[test]
fn a_page_ends_the_back_off_and_the_error() {
    let mut bench = Bench::new(5, 0);
    bench.check("tick", "connect");
    for _ in 0..5 {
        bench.check("unauthorized no key", "disconnect");
        bench.wait_for_retry();
    }
    assert_eq!(bench.status(), "connecting: not authorized: no key");
    bench.check("connected", "pull 4");
    bench.check("page 5..5", "compare 5..5");
    assert_eq!(bench.status(), "live");
    bench.check("offline", "disconnect");
    let wait = bench.uplink.status().next_retry.unwrap() - bench.now;
    assert!(wait <= Duration::from_millis(1_500), "{wait:?}");
}

#[test]
fn hurry_ends_every_wait_for_a_retry() {
    let mut bench = Bench::new(5, 1);
    bench.check("tick", "connect");
    bench.check("offline", "disconnect");
    bench.check("hurry", "connect");
    bench.check("connected", "pull 4");
    bench.check("page 5..5", "compare 5..5, push");
    bench.check("sent 6..6", "");
    bench.check("busy", "");
    bench.check("new", "");
    bench.check("hurry", "ping, push");
}

#[test]
fn a_busy_backend_is_left_alone_for_a_while() {
    let mut bench = Bench::live(5, 1);
    for least in [1, 2, 4, 8] {
        bench.check("sent 6..6", "");
        bench.check("busy", "");
        let wait = bench.uplink.status().next_retry.unwrap() - bench.now;
        assert!(wait >= Duration::from_secs(least), "{wait:?}");
        bench.now += wait;
        let pushed = bench.run("tick");
        assert!(pushed.ends_with("push"), "{pushed}");
        bench.run("pong");
    }
}

#[test]
fn who_may_not_push_is_told_until_a_push_is_taken() {
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("busy not allowed", "");
    assert_eq!(bench.status(), "live: the backend takes no events: not allowed");
    // It goes on following.
    bench.check("page 6..6", "apply 6..6");
    bench.check("applied 6", "");
    assert_eq!(bench.status(), "live: the backend takes no events: not allowed");
    bench.check("hurry", "ping, push");
    bench.check("sent 7..7", "");
    bench.check("pushed", "");
    assert_eq!(bench.status(), "live");
}

#[test]
fn a_leader_that_pushes_nothing_is_asked_again_later() {
    let mut bench = Bench::live(5, 1);
    bench.check("nothing", "");
    bench.check("new", "");
    bench.check("wait 1", "push");
}

#[test]
fn a_log_that_begins_again_and_again_waits_longer_each_time() {
    let mut bench = Bench::live(5, 0);
    // Once is a backend that was replaced.
    bench.check("restart", "pull 4");
    bench.check("page 5..5", "compare 5..5");
    for least in [500, 1_000, 2_000, 4_000, 8_000] {
        bench.check("restart", "disconnect");
        let wait = bench.uplink.status().next_retry.unwrap() - bench.now;
        assert!(wait >= Duration::from_millis(least), "{wait:?}");
        bench.now += wait;
        bench.check("tick", "connect");
        bench.check("connected", "pull 4");
        bench.check("page 5..5", "compare 5..5");
    }
    bench.now += Duration::from_secs(600);
    let restarted = bench.run("restart");
    assert!(restarted.starts_with("pull 4"), "{restarted}");
}

#[test]
fn another_backend_is_told_as_such() {
    let mut bench = Bench::live(5, 0);
    bench.check("other c", "other c, disconnect");
    let status = bench.status();
    assert!(status.starts_with("waiting: the backend is `c` now, the store was synced with `b`"), "{status}");
    bench.facts.backend_id = Some(crate::sync::BackendId::new("c"));
    bench.check("restart", "connect");
}

#[test]
fn a_count_that_cannot_be_is_shown_and_does_no_harm() {
    let mut bench = Bench::new(0, 0);
    bench.check("tick", "connect");
    bench.check("connected", "pull 0");
    let mut page = super::bench::page("1..2");
    page.info = crate::sync::PageInfo::More(u64::MAX);
    let input = crate::sync::uplink::UplinkInput::Message(crate::sync::SyncMessage::Page(page));
    assert_eq!(bench.uplink.step(input, &bench.facts, bench.now).len(), 1);
    bench.check("applied 2", "");
    assert_eq!(bench.status(), format!("catching up 2 of Some({})", u64::MAX));
}
