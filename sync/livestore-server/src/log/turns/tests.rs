use super::*;
use livestore_sync_protocol::BackendId;

const AHEAD: Verdict = Verdict::Judged(PushVerdict::ServerAhead { head: 9 });
const ACCEPTED: Verdict = Verdict::Judged(PushVerdict::Accepted { head: 9 });
const MS: Duration = Duration::from_millis(1);
const LATE: Pusher = Pusher(1);
const OTHER: Pusher = Pusher(2);
const THIRD: Pusher = Pusher(3);

fn turns() -> Turns<&'static str> {
    Turns::new(TurnOptions::default())
}

/// A push that is judged at once.
fn judged(turns: &mut Turns<&'static str>, from: Pusher, verdict: &Verdict, now: Duration) {
    turns.push(Some(from), "at once");
    assert_eq!(turns.next(now), Some("at once"));
    turns.judged(verdict, now);
}

fn refused(turns: &mut Turns<&'static str>, from: Pusher, times: u32, now: Duration) {
    (0..times).for_each(|_| judged(turns, from, &AHEAD, now));
}

#[test]
fn without_refusals_pushes_are_judged_as_they_come() {
    let mut turns = turns();
    for push in ["a", "b", "c"] {
        turns.push(None, push);
    }
    assert_eq!([(); 4].map(|()| turns.next(MS)), [Some("a"), Some("b"), Some("c"), None]);
    assert_eq!((turns.turn(), turns.deadline()), (None, None));
}

#[test]
fn three_refusals_give_a_turn_and_a_push_ends_it() {
    let mut turns = turns();
    refused(&mut turns, LATE, 2, MS);
    assert_eq!(turns.turn(), None);
    refused(&mut turns, LATE, 1, MS);
    assert_eq!(turns.turn(), Some(LATE));
    for (from, push) in [(Some(OTHER), "b"), (None, "c"), (Some(LATE), "a"), (Some(LATE), "a2")] {
        turns.push(from, push);
    }
    assert_eq!(turns.deadline(), Some(MS * 101));
    assert_eq!(turns.next(MS * 2), Some("a"), "its own first, before those that came earlier");
    turns.judged(&ACCEPTED, MS * 3);
    assert_eq!((turns.turn(), turns.deadline()), (None, None));
    assert_eq!([(); 4].map(|()| turns.next(MS * 3)), [Some("b"), Some("c"), Some("a2"), None], "in order");
}

#[test]
fn one_who_waited_gets_its_turn_before_the_next_is_looked_at() {
    let mut turns = turns();
    refused(&mut turns, OTHER, 2, MS);
    refused(&mut turns, LATE, 3, MS);
    turns.push(Some(OTHER), "b");
    turns.push(Some(THIRD), "c");
    judged(&mut turns, LATE, &ACCEPTED, MS);
    assert_eq!(turns.next(MS), Some("b"));
    turns.judged(&AHEAD, MS);
    assert_eq!((turns.turn(), turns.next(MS)), (Some(OTHER), None));
    judged(&mut turns, OTHER, &ACCEPTED, MS);
    assert_eq!(turns.next(MS), Some("c"));
}

#[test]
fn trouble_is_forgotten_with_every_push_that_is_accepted() {
    let mut turns = turns();
    refused(&mut turns, LATE, 3, MS);
    judged(&mut turns, LATE, &ACCEPTED, MS);
    refused(&mut turns, LATE, 1, MS);
    assert_eq!(turns.turn(), Some(LATE), "it still has trouble");
    (0..3).for_each(|_| judged(&mut turns, LATE, &ACCEPTED, MS));
    assert!(turns.standings.is_empty());
    refused(&mut turns, LATE, 2, MS);
    assert_eq!(turns.turn(), None);
}

#[test]
fn a_turn_that_is_not_used_ends_and_nobody_has_one_for_a_while() {
    let mut turns = turns();
    refused(&mut turns, LATE, 3, MS);
    turns.push(Some(OTHER), "b");
    assert_eq!(turns.next(MS * 100), None);
    assert_eq!(turns.next(MS * 101), Some("b"));
    turns.judged(&ACCEPTED, MS * 101);
    refused(&mut turns, THIRD, 9, MS * 1_100);
    assert_eq!(turns.turn(), None, "the store rests from turns");
    refused(&mut turns, LATE, 5, MS * 1_101);
    assert_eq!(turns.turn(), None, "who wasted one takes longer");
    refused(&mut turns, THIRD, 1, MS * 1_101);
    assert_eq!(turns.turn(), Some(THIRD));
}

#[test]
fn a_turn_is_wasted_by_any_push_that_is_not_accepted() {
    let failed = Verdict::Judged(PushVerdict::Failed { reason: "bad".into() });
    let other = Verdict::Judged(PushVerdict::OtherBackend { backend_id: BackendId::new("b").unwrap() });
    for verdict in [AHEAD, failed, other, Verdict::Unknown] {
        let mut turns = turns();
        refused(&mut turns, LATE, 3, MS);
        judged(&mut turns, LATE, &verdict, MS);
        assert_eq!(turns.turn(), None, "{verdict:?}");
        refused(&mut turns, OTHER, 3, MS * 1_000);
        assert_eq!(turns.turn(), None, "{verdict:?}");
    }
}

#[test]
fn who_is_gone_has_no_turn() {
    let mut turns = turns();
    refused(&mut turns, LATE, 3, MS);
    turns.push(Some(OTHER), "b");
    assert_eq!(turns.next(MS), None);
    turns.gone(LATE, MS);
    assert_eq!((turns.next(MS), turns.turn()), (Some("b"), None));
    assert!(turns.standings.is_empty());
}

#[test]
fn a_full_queue_ends_a_turn() {
    let mut turns = turns();
    refused(&mut turns, LATE, 3, MS);
    for _ in 0..TurnOptions::default().held_max {
        assert!(!turns.is_full());
        assert_eq!(turns.next(MS), None);
        turns.push(Some(OTHER), "b");
    }
    assert!(turns.is_full());
    assert_eq!((turns.next(MS), turns.turn()), (Some("b"), None));
}

#[test]
fn standings_are_bounded() {
    let mut turns = turns();
    for pusher in 0..10_000 {
        refused(&mut turns, Pusher(pusher), 1, MS);
        assert!(turns.standings.len() <= STANDINGS_MAX);
    }
}

#[test]
fn whoever_never_uses_turns_holds_the_others_back_for_a_small_part_of_the_time() {
    let (mut turns, mut held) = (turns(), Duration::ZERO);
    for ms in 0..60_000 {
        let now = MS * ms;
        while turns.turn().is_none() && turns.next(now).is_some() {}
        // A new connection each time, so that nothing is known of it.
        if turns.turn().is_none() && now >= turns.rests_until {
            refused(&mut turns, Pusher(ms.into()), 3, now);
        }
        turns.push(None, "honest");
        match turns.next(now) {
            Some(_) => {}
            None => held += MS,
        }
        turns.waiting.clear();
    }
    assert!(held > Duration::from_secs(3) && held < Duration::from_secs(6), "{held:?} of 60 s");
}

/// Clients that push all the time, one of them far away. How often the log took from it, and from all.
fn crowd(options: TurnOptions) -> (u32, u32) {
    // When each client's push arrives, and the head that it is built on.
    let far = |client: u64| if client == 0 { MS * 10 } else { MS * 2 };
    let mut turns = Turns::new(options);
    let mut arrives: Vec<_> = (0..10).map(|client| Some((far(client) + MS * client as u32 / 10, 0_u32))).collect();
    let (mut head, mut accepted) = (0_u32, [0_u32; 10]);
    for tenth in 0..20_000 {
        let now = MS * tenth / 10;
        for (client, push) in (0..).zip(&mut arrives) {
            if let Some((_, on)) = push.take_if(|(at, _)| *at <= now) {
                turns.push(Some(Pusher(client)), (client, on));
            }
        }
        while let Some((client, on)) = turns.next(now) {
            let is_next = on == head;
            turns.judged(if is_next { &ACCEPTED } else { &AHEAD }, now);
            head += u32::from(is_next);
            accepted[client as usize] += u32::from(is_next);
            // It hears so, and pushes on top of what it has then.
            arrives[client as usize] = Some((now + far(client), head));
        }
    }
    (accepted[0], head)
}

#[test]
fn who_is_far_away_gets_through() {
    let never = TurnOptions { after: u32::MAX, ..TurnOptions::default() };
    let ((alone, _), (far, all)) = (crowd(never), crowd(TurnOptions::default()));
    assert_eq!(alone, 0, "without turns it never does");
    assert!(far >= 40 && all >= 10 * far, "{far} of {all} in two seconds");
}
