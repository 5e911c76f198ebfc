//! Long random ways through larger scopes. `SEED` and `STEPS` choose which, and how many.

use super::model::{Action, Scope, State, World};
use super::search::{Found, end};
use std::io::Write as _;

/// After so many steps a walk comes to its end.
const STEPS_MAX: usize = 300;

const LONG: Scope = Scope {
    scripts: &[
        &["A", "u", "A", "B+C", "u", "D", "B+u+C", "A", "A"],
        &["E", "F+G", "P", "H", "v", "E", "P+H", "E"],
        &["I", "w", "I", "J"],
    ],
    keeps_identity: true,
    drops: 4,
    duplicates: 4,
    crashes: 2,
    page: 3,
    batch: 3,
};

/// Without identity, groups of one kind of events only: which client-only ones go with which part is the leader's matter.
const LONG_STRIPPED: Scope = Scope {
    scripts: &[
        &["A", "u", "A", "B+C", "u", "D", "B+C", "A", "A"],
        &["E", "F+G", "P", "H", "v", "E", "P", "E"],
        &["I", "w", "I", "J"],
    ],
    keeps_identity: false,
    ..LONG
};

/// Numbers for a test (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

/// One walk; the number of its steps.
fn walk(scope: Scope, seed: u64) -> Result<usize, Box<Found>> {
    let world = World::new(scope);
    let mut random = Random(seed);
    let mut state = State::start(&world);
    let mut way: Vec<Action> = Vec::new();
    while way.len() < STEPS_MAX {
        let is_calm = random.below(8) > 0;
        let actions = if is_calm { state.progress(&world) } else { state.actions(&world) };
        let Some(action) = actions.get(random.below(actions.len())).copied() else { break };
        way.push(action);
        match state.after(action, &world) {
            Ok(after) => state = after,
            Err(what) => return Err(Box::new(Found { what, way })),
        }
    }
    match end(state, &world, &mut way) {
        Ok(()) => Ok(way.len()),
        Err(what) => Err(Box::new(Found { what, way })),
    }
}

/// Walks until so many steps are done; what was found, and with which seed.
pub(super) fn walks(seed: u64, steps: usize) -> Result<usize, (u64, Box<Found>)> {
    let mut done = 0;
    for seed in seed.. {
        if done >= steps {
            break;
        }
        let scope = if seed % 2 == 0 { LONG } else { LONG_STRIPPED };
        done += walk(scope, seed).map_err(|found| (seed, found))?;
    }
    Ok(done)
}

#[test]
fn random_walks_hold() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let some = if std::env::var_os("CI").is_some() { 400_000 } else { 50_000 };
    let (seed, steps) = (number("SEED", 1), number("STEPS", some));
    match walks(seed, steps as usize) {
        Ok(done) => writeln!(std::io::stderr(), "{done} steps from seed {seed}").unwrap_or_default(),
        Err((seed, found)) => panic!("SEED={seed}: {} after {:?}", found.what, found.way),
    }
}
