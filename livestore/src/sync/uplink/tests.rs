//! When an uplink does what.

mod bench;
mod faults;

use bench::Bench;

#[test]
fn it_pulls_before_it_pushes_and_waits_for_the_echo() {
    let mut bench = Bench::new(5, 3);
    bench.check("tick", "connect");
    bench.check("connected", "pull 4");
    // More is to come: nothing is pushed.
    bench.check("page 5..7 more", "compare 5..5, apply 6..7");
    bench.check("applied 7", "");
    bench.check("page 8..8", "apply 8..8");
    bench.check("applied 8", "push");
    bench.check("sent 9..10", "");
    bench.check("new", "");
    bench.check("pushed", "");
    // Accepted is not confirmed: what follows waits.
    bench.check("new", "");
    bench.check("page 9..10", "apply 9..10");
    bench.facts.pending = 1;
    bench.check("applied 10", "push");
    bench.check("sent 11..11", "");
    // The echo may come before the answer.
    bench.facts.pending = 0;
    bench.check("page 11..11", "apply 11..11");
    bench.check("applied 11", "");
    bench.facts.pending = 1;
    bench.check("new", "");
    bench.check("pushed", "push");
}

#[test]
fn what_was_accepted_and_does_not_come_is_pulled() {
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("pushed", "");
    bench.check("wait 4", "");
    bench.check("wait 1", "pull 5");
    // A page from before does not lift the fence.
    bench.check("page", "");
    bench.check("page 6..6", "apply 6..6");
    bench.facts.pending = 0;
    bench.check("applied 6", "");
    assert_eq!(bench.status(), "live");
}

#[test]
fn a_fence_ends_with_the_connection_at_the_latest() {
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("ahead 9", "pull 5");
    // It does not send what it says that it holds.
    bench.check("page", "");
    bench.check("wait 19", "ping");
    bench.check("wait 1", "disconnect");
    assert_eq!(
        bench.status(),
        "waiting: the backend broke the protocol: it says that it holds e9, and does not send it"
    );
    bench.wait_for_retry();
    bench.check("connected", "pull 4");
    bench.check("page 5..5", "compare 5..5, push");
}

#[test]
fn after_server_ahead_it_pulls_and_pushes_at_once() {
    let mut bench = Bench::live(5, 1);
    for head in 6..9 {
        bench.check(&format!("sent {head}..{head}"), "");
        bench.check(&format!("ahead {head}"), &format!("pull {}", head - 1));
        bench.check(&format!("page {head}..{head}"), &format!("apply {head}..{head}"));
        bench.check(&format!("applied {head}"), "push");
    }
    // What it was ahead by has come in the meantime.
    bench.check("sent 9..9", "");
    bench.check("page 9..9", "apply 9..9");
    bench.check("applied 9", "");
    bench.check("ahead 9", "push");
}

#[test]
fn a_rejected_event_leaves_and_the_rest_goes_on() {
    let mut bench = Bench::live(5, 3);
    bench.check("sent 6..8", "");
    bench.check("rejected 7", "reject 7");
    bench.facts.pending = 2;
    bench.check("new", "push");
    bench.check("sent 6..7", "");
    // Others came in between: the number says something else by now.
    bench.check("page 6..6", "apply 6..6");
    bench.check("applied 6", "");
    bench.check("rejected 7", "push");
    bench.check("sent 7..8", "");
    bench.check("rejected 9", "disconnect");
}

#[test]
fn a_rejection_that_cannot_be_stored_is_tried_again() {
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("rejected 6", "reject 6");
    bench.check("failed", "");
    bench.check("wait 2", "push");
}

#[test]
fn what_overlaps_is_compared_and_not_applied() {
    let mut bench = Bench::live(5, 0);
    bench.check("page 3..7", "compare 3..5, apply 6..7");
    bench.check("applied 7", "");
    bench.check("page 6..7", "compare 6..7");
    // The leader found another log there.
    bench.facts.head = 0;
    bench.check("restart", "pull 0");
}

#[test]
fn what_could_not_be_compared_is_pulled_again() {
    let mut bench = Bench::live(5, 0);
    bench.check("page 5..5", "compare 5..5");
    bench.check("failed", "");
    bench.check("wait 2", "pull 4");
    bench.check("page 5..6", "compare 5..5, apply 6..6");
}

#[test]
fn gaps_are_pulled_again_then_waited_for_then_end_the_connection() {
    let mut bench = Bench::live(5, 0);
    bench.check("page 7..7", "pull 4");
    bench.check("page 7..7", "");
    // What comes meanwhile is left out.
    bench.check("page 6..6", "");
    bench.check("wait 4", "pull 4");
    bench.check("page 7..7", "");
    bench.check("wait 8", "pull 4");
    bench.check("page 7..7", "disconnect");
}

#[test]
fn a_page_that_fits_ends_the_trouble() {
    let mut bench = Bench::live(5, 0);
    for number in [6, 7, 8] {
        bench.check(&format!("page {}..9", number + 1), &format!("pull {}", number - 2));
        bench.check(&format!("page {number}..{number}"), &format!("apply {number}..{number}"));
        bench.check(&format!("applied {number}"), "");
    }
}

#[test]
fn a_page_that_could_not_be_stored_is_pulled_again() {
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("page 6..6", "apply 6..6");
    bench.check("failed", "");
    bench.check("wait 2", "pull 4");
    bench.check("page 5..6", "compare 5..5, apply 6..6");
}

#[test]
fn a_backend_is_attached_and_another_one_is_told() {
    let mut bench = Bench::new(0, 0);
    bench.facts.backend_id = None;
    bench.check("tick", "connect");
    bench.check("connected", "pull 0");
    bench.check("page 1..1", "attach b");
    bench.facts.backend_id = Some(super::BackendId::new("b"));
    bench.check("applied 0", "pull 0");
    bench.check("page 1..1", "apply 1..1");
    bench.check("applied 1", "");
    bench.facts.backend_id = Some(super::BackendId::new("a"));
    bench.check("page 2..2", "other b, disconnect");
    bench.check("restart", "connect");
}

#[test]
fn a_backend_that_lost_events_is_told() {
    let mut bench = Bench::new(5, 0);
    bench.check("tick", "connect");
    bench.check("connected", "pull 4");
    bench.check("page at 3", "behind 3, disconnect");
    bench.wait_for_retry();
    bench.check("connected", "pull 4");
    bench.check("page", "behind 4, disconnect");
    let mut bench = Bench::live(5, 1);
    bench.check("sent 6..6", "");
    bench.check("ahead 3", "behind 3, disconnect");
}

#[test]
fn what_moves_is_waited_for() {
    let mut bench = Bench::new(5, 3);
    bench.check("tick", "connect");
    bench.check("connected", "pull 4");
    // A page of a minute, with the ping behind it.
    for _ in 0..10 {
        bench.check("wait 6", "");
        bench.check("moving", "");
    }
    bench.check("page 5..6", "compare 5..5, apply 6..6");
    bench.check("applied 6", "push");
    bench.check("sent 7..9", "");
    for _ in 0..10 {
        bench.check("wait 6", "");
        bench.check("moving", "");
    }
    bench.check("pushed", "");
    // Nothing moves any more, and nothing comes.
    bench.check("moving", "");
    bench.check("wait 4", "");
    bench.check("wait 1", "pull 6");
    bench.check("wait 9", "ping");
    bench.check("wait 10", "disconnect");
}

#[test]
fn stop_is_the_end() {
    let mut bench = Bench::live(5, 0);
    bench.check("stop", "disconnect");
    for input in ["tick", "new", "hurry", "restart", "connected", "page 6..6"] {
        bench.check(input, "");
    }
    assert_eq!(bench.status(), "stopped");
}
