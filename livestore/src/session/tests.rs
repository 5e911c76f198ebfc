//! A session against a replay from nothing, whatever its leader tells it.

mod order;
mod world;

use super::marks::Marks;
use crate::event::EncodedEvent;
use crate::leader::News;
use world::{Evened, Noted, World, added, encode};

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn event(&mut self) -> EncodedEvent {
        match self.below(6) {
            0 => encode(&Evened { id: self.below(4) as i64 }),
            1 => encode(&Noted { key: self.below(3) as i64 }),
            _ => added(self.below(400) as i64),
        }
    }

    fn events(&mut self) -> Vec<EncodedEvent> {
        let count = if self.below(3) == 0 { 1 + self.below(4) } else { 1 };
        (0..count).map(|_| self.event()).collect()
    }
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..20,
    }
}

/// How often each thing happened, in all seeds together.
#[derive(Debug, Default)]
struct Happened {
    rebases: u64,
    bases_moved: u64,
    restarts: u64,
}

fn step(world: &mut World, rng: &mut Rng, happened: &mut Happened) {
    let member = rng.below(world.members.len());
    let position = rng.below(world.pending.len());
    match rng.below(40) {
        0..=13 => {
            let events = rng.events();
            world.commit(member, events);
        }
        14..=21 => (0..1 + rng.below(4)).for_each(|_| world.accept(member)),
        22..=25 => (0..1 + rng.below(6)).for_each(|_| world.confirm(0)),
        26 => {
            let events = rng.events();
            world.confirm_foreign(events);
        }
        27 => world.confirm(position),
        28 => {
            let events = 1 + rng.below(3);
            world.confirm_replaced(0, events);
        }
        29 => world.confirm_replaced(position, 1),
        30 => world.drop_pending(position),
        31 if rng.below(3) == 0 => {
            let kept = rng.below(world.log.len() + 1);
            world.restart(kept, rng.below(2) == 0);
            happened.restarts += 1;
        }
        32 if world.pending.is_empty() => world.confirm_own(member),
        _ => {
            let confirmed = world.members[member].session.tail.confirmed().groups;
            let count = if rng.below(2) == 0 { usize::MAX } else { rng.below(5) };
            world.take(member, count);
            let session = &world.members[member].session;
            happened.rebases += u64::from(session.local_head().rebase_generation > 0);
            happened.bases_moved += u64::from(session.tail.confirmed().groups < confirmed);
        }
    }
}

#[test]
fn state_is_always_that_of_the_order_that_was_told() {
    let mut happened = Happened::default();
    for seed in seeds() {
        let mut rng = Rng(seed);
        let mut world = World::new(1 + (seed % 3) as u8);
        let heavy = [1, 3, 20, 1_000][rng.below(4)];
        world.members.iter_mut().for_each(|member| member.session.marks = Marks::new(heavy));
        for turn in 0..300 {
            step(&mut world, &mut rng, &mut happened);
            if turn % 20 == 19 {
                world.take_all();
                (0..world.members.len()).for_each(|member| world.check(member, &format!("seed {seed}, turn {turn}")));
            }
        }
    }
    let Happened { rebases, bases_moved, restarts } = happened;
    assert!(rebases > 0 && bases_moved > 0 && restarts > 0, "{happened:?}");
}

/// How many groups the sessions replayed since the last call.
fn replayed(world: &World) -> u64 {
    world.members.iter().map(|member| member.session.replayed.take()).sum()
}

/// So many groups wait for a backend, all taken by the leader, and everybody knows.
fn long_pending(members: u8, groups: i64) -> World {
    let mut world = World::new(members);
    for id in 0..groups {
        world.commit(0, vec![added(id)]);
        world.accept(0);
        if id % 100 == 0 {
            tell(&mut world);
        }
    }
    tell(&mut world);
    world
}

/// Without looking at state, which takes long where it is large.
fn tell(world: &mut World) {
    for member in &mut world.members {
        member.session.take(std::mem::take(&mut member.feed));
        assert_eq!(member.session.broken(), None);
    }
}

#[test]
fn turns_over_a_long_pending_part_replay_little() {
    let replays = [100, 3_000].map(|groups| {
        let mut world = long_pending(2, groups);
        replayed(&world);
        for round in 0..50 {
            // Both commit before the leader takes either: one of them finds the other's group before its own.
            (0..2).for_each(|member| assert!(world.commit(member, vec![added(10_000 + 2 * round + member as i64)])));
            (0..2).for_each(|member| world.accept(member));
            tell(&mut world);
        }
        (0..2).for_each(|member| world.check(member, "after all turns"));
        replayed(&world)
    });
    assert_eq!(replays[0], replays[1], "a longer tail costs nothing");
    assert!(replays[0] <= 50 * (2 * Marks::PIECE_MIN as u64), "{replays:?}");
}

#[test]
fn a_burst_that_others_interrupt_replays_each_group_a_few_times() {
    let mut world = World::new(2);
    let groups = 3_000;
    for id in 0..groups {
        world.commit(0, vec![added(id)]);
        // The leader is a hundred groups behind, and the other session commits now and then.
        if id >= 100 {
            world.accept(0);
        }
        if id % 50 == 0 {
            world.commit(1, vec![added(groups + id)]);
            world.accept(1);
            tell(&mut world);
        }
    }
    (0..100).for_each(|_| world.accept(0));
    tell(&mut world);
    (0..2).for_each(|member| world.check(member, "after the burst"));
    // In state once by the other session, and each in flight again for every interruption: a hundred over fifty, and its piece.
    let replays = replayed(&world);
    assert!(replays <= groups as u64 * 6, "{replays}");
}

#[test]
fn confirming_a_long_pending_part_in_pages_is_linear() {
    for commits_between in [0, 1] {
        let groups = 3_000;
        let mut world = long_pending(2, groups);
        replayed(&world);
        for page in 0..groups / 50 {
            (0..50).for_each(|_| world.confirm(0));
            (0..commits_between).for_each(|_| assert!(world.commit(0, vec![added(10_000 + page)])));
            world.accept(0);
            tell(&mut world);
        }
        (0..2).for_each(|member| world.check(member, "after all pages"));
        let replays = replayed(&world);
        assert!(replays <= groups as u64, "{replays}");
        while !world.pending.is_empty() {
            world.confirm(0);
        }
        tell(&mut world);
        assert!(world.commit(0, vec![added(20_000)]));
        assert_eq!(world.members[0].session.tail.confirmed().groups, 0, "what is confirmed is not kept");
    }
}

#[test]
fn news_that_are_missing_stop_the_session() {
    let mut world = World::new(1);
    world.confirm_foreign(vec![added(1)]);
    world.confirm_foreign(vec![added(2)]);
    let member = &mut world.members[0];
    member.feed.pop_front();
    member.session.take(std::mem::take(&mut member.feed));
    assert!(member.session.broken().is_some_and(|reason| reason.contains("was not told")));
}

#[test]
fn what_comes_twice_is_taken_once() {
    let mut world = World::new(2);
    assert!(world.commit(0, vec![added(1)]));
    assert!(world.commit(0, vec![added(2)]));
    world.accept(0);
    world.accept(0);
    world.confirm(0);
    world.drop_pending(0);
    for member in &mut world.members {
        let again = member.feed.iter().filter_map(copy).collect::<Vec<_>>();
        member.feed.extend(again);
    }
    world.take_all();
    (0..2).for_each(|member| world.check(member, "everything came twice"));
}

fn copy(news: &News) -> Option<News> {
    match news {
        News::Accepted(accepted) => Some(News::Accepted(accepted.clone())),
        News::Confirmed(published) => Some(News::Confirmed(published.clone())),
        News::Dropped(dropped) => Some(News::Dropped(dropped.clone())),
        News::Restart(_) => None,
    }
}

#[test]
fn the_local_head_tells_how_often_what_is_pending_was_rebased() {
    let mut world = World::new(1);
    let head = |world: &World| world.members[0].session.local_head();
    assert!(world.commit(0, vec![added(1), encode(&Noted { key: 1 }), encode(&Noted { key: 2 })]));
    assert_eq!(head(&world).to_string(), "e1.2");
    world.accept(0);
    assert!(world.commit(0, vec![encode(&Noted { key: 3 })]));
    world.take_all();
    assert_eq!(head(&world).to_string(), "e1.3");
    for number in 2..4 {
        world.confirm_foreign(vec![added(number)]);
        world.take_all();
        assert_eq!(head(&world).rebase_generation, number as u64 - 1);
    }
    assert_eq!((head(&world).global, head(&world).client), (3, 3));
    world.accept(0);
    world.confirm(0);
    world.confirm(0);
    world.take_all();
    assert_eq!(head(&world).rebase_generation, 0);
    world.check(0, "nothing is pending");
}
