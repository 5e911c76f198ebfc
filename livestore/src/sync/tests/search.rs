//! Every state that a scope can reach.

use super::model::{Action, Checked, Scope, State, World};
use std::collections::{HashSet, VecDeque};
use std::io::Write as _;

/// More steps than a quiet end is away.
const STEPS_TO_QUIET: usize = 1_000;

/// What a search saw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) states: usize,
    pub(super) steps: usize,
    pub(super) depth: usize,
    pub(super) ended: usize,
}

/// What was found, and the way there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) what: String,
    pub(super) way: Vec<Action>,
}

/// Looks at every state, breadth first, so that what is found is found on a shortest way. From one in so many states it goes on
/// without faults, to see that all of it comes to a quiet end.
pub(super) fn search(scope: Scope, one_in: u64) -> Result<Seen, Box<Found>> {
    let world = World::new(scope);
    let start = State::start(&world);
    let mut known = HashSet::from([start.name()]);
    let mut ways: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let mut next = VecDeque::from([(start, 0, 0)]);
    let mut seen = Seen::default();
    while let Some((state, way, depth)) = next.pop_front() {
        seen.states += 1;
        seen.depth = seen.depth.max(depth);
        let found = |what, last: &[Action]| Box::new(Found { what, way: way_to(&ways, way, last) });
        if state.name() % one_in == 0 {
            seen.ended += 1;
            let mut steps = Vec::new();
            end(state.clone(), &world, &mut steps).map_err(|what| found(what, &steps))?;
        }
        let mut new = Vec::new();
        for action in state.actions(&world) {
            seen.steps += 1;
            let after = state.after(action, &world).map_err(|what| found(what, &[action]))?;
            if known.insert(after.name()) {
                new.push((action, after));
            }
        }
        for (action, after) in new {
            next.push_back((after, ways.len(), depth + 1));
            ways.push((way, Some(action)));
        }
    }
    Ok(seen)
}

fn way_to(ways: &[(usize, Option<Action>)], mut at: usize, last: &[Action]) -> Vec<Action> {
    let mut way: Vec<_> = last.iter().rev().copied().collect();
    while let (before, Some(action)) = ways[at] {
        way.push(action);
        at = before;
    }
    way.reverse();
    way
}

/// Goes on without faults. Every part gets its turn; a late push arrives, or does not.
pub(super) fn end(mut state: State, world: &World, steps: &mut Vec<Action>) -> Checked<()> {
    for turn in 0..STEPS_TO_QUIET {
        let mut actions = state.progress(world);
        actions.retain(|action| turn % 2 == 0 || !matches!(action, Action::ServeLate(_)));
        let Some(action) = actions.get(turn % actions.len().max(1)).copied() else {
            if state.progress(world).is_empty() {
                return state.check_quiet(world);
            }
            continue;
        };
        steps.push(action);
        state = state.after(action, world)?;
    }
    Err(format!("it comes to no end in {STEPS_TO_QUIET} steps"))
}

/// Three clients and four events: a client-only one, two of one group, one of another client.
pub(super) const SMALL: Scope = Scope {
    scripts: &[&["u", "A+B"], &["C"], &[]],
    keeps_identity: true,
    drops: 0,
    duplicates: 0,
    crashes: 0,
    page: 2,
    batch: 2,
};

/// The same to a backend that keeps neither ids nor groups.
const SMALL_STRIPPED: Scope = Scope { keeps_identity: false, ..SMALL };

/// Searches, and says what it saw.
fn check(name: &str, scope: Scope, one_in: u64) {
    let mut out = std::io::stderr();
    match search(scope, one_in) {
        Ok(seen) => writeln!(out, "{name}: {seen:?}").unwrap_or_default(),
        Err(found) => panic!("{name}, {scope:?}: {} after {:?}", found.what, found.way),
    }
}

/// With all faults at once where the environment asks for the whole scope; it takes hours of a debug build.
fn is_whole() -> bool {
    std::env::var_os("MODEL_SCOPE").is_some_and(|scope| scope == "full")
}

#[test]
fn every_state_of_two_clients_holds_with_a_drop() {
    let scope = Scope { scripts: &[&["u", "A+B"], &["C"]], drops: 1, ..SMALL };
    check("keeps, drop", scope, 32);
}
