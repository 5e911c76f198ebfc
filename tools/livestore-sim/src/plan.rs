//! What a seed decides: the setting, and the script of what happens.

use crate::{NetworkPlan, Rng};
use livestore::OnOtherBackend;
use std::time::Duration;

/// The setting of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The seed that it follows from.
    pub seed: u64,
    /// Which clients keep their data in a directory; the others live in memory.
    pub natives: Vec<bool>,
    /// What each client does when the backend is another one than before.
    pub policies: Vec<OnOtherBackend>,
    /// Whether the backend keeps event ids and commit groups.
    pub keeps_identity: bool,
    /// Whether the backend is this project's server, reached over its own protocol.
    #[cfg(feature = "server")]
    pub is_server: bool,
    /// The network.
    pub network: NetworkPlan,
    /// How often each client must have something confirmed, where all write without a pause.
    pub confirms_every: Option<Duration>,
    /// What happens, in order.
    pub script: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// When, in virtual time.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What may happen. Clients count from 0; sessions count modulo those that are open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A session commits.
    Commit {
        /// The client.
        client: usize,
        /// The session.
        session: usize,
        /// What decides the content.
        seed: u64,
    },
    /// A client opens one more session.
    Open(usize),
    /// A client closes a session in order.
    Close(usize, usize),
    /// A client's process ends and starts again; one that lives in memory comes back as another client.
    Crash(usize),
    /// A client does nothing for a while, as if its process were stopped.
    Sleep(usize, Duration),
    /// A client's clock jumps forward.
    Jump(usize, Duration),
    /// A client's clock jumps back.
    Back(usize, Duration),
    /// A client's clock stands still, or goes on.
    Still(usize, bool),
    /// A client's process ends in the middle of what it does, so many durable steps from here, and starts again.
    CrashAt(usize, u64),
    /// The disk of all clients that have one fails.
    Disk(u64),
    /// The disk is well again.
    DiskHeals,
    /// A client's connection is cut.
    Cut(usize),
    /// Messages of a client stand still, or go on.
    Hold(usize, bool),
    /// The backend is reachable, or not.
    Online(bool),
    /// The backend lets clients in, or not.
    Auth(bool),
    /// The backend refuses what it may refuse, or not.
    Refuse(bool),
    /// The backend has a fault once, at whoever is next.
    Fault(u64),
    /// Another backend comes in the place of the one that was, with a copy of its log that lacks so many of the last events.
    Replace(u64),
    /// The backend is restored from an older copy of itself: so many of the last events are gone.
    Rewind(u64),
    /// One page comes under the id of a strange backend.
    Strange,
}

const KINDS: usize = 11;
/// One seed in so many of those whose backend keeps ids has the server for its backend.
#[cfg(feature = "server")]
const SERVER_ONE_IN: u64 = 3;
/// One seed in so many is about backends that are replaced, or lose what they confirmed.
const SHAKY_ONE_IN: u64 = 5;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let clients = 2 + rng.below(3) as usize;
        let has_files = rng.one_in(2);
        let natives = (0..clients).map(|_| has_files && rng.one_in(2)).collect();
        let keeps_identity = !rng.one_in(3);
        // Each seed switches a part of the faults on, so that rare ones rule some runs.
        let switches = rng.next_u64();
        let is_on = |bit: u64| switches >> bit & 1 == 1;
        let network = NetworkPlan {
            latency_max: Duration::from_millis([0, 5, 50, 2_000][rng.below(4) as usize]),
            drop_one_in: if is_on(20) { 20 + rng.below(100) } else { 0 },
            duplicate_one_in: if is_on(21) { 2 + rng.below(10) } else { 0 },
        };
        let kinds: Vec<usize> = (0..KINDS).filter(|kind| is_on(*kind as u64)).collect();
        let is_shaky = rng.one_in(SHAKY_ONE_IN);
        // A stop is final, so it is the rarest; it must not come where the backend stays what it is.
        let policy = |roll| {
            [OnOtherBackend::Rejoin, OnOtherBackend::KeepAside, OnOtherBackend::Stop][[0, 0, 0, 1, 1, 2][roll as usize]]
        };
        let policies = (0..clients).map(|_| policy(rng.below(6))).collect();
        let steps = [20, 60, 120][rng.below(3) as usize];
        let pace = [5, 100, 1_000][rng.below(3) as usize];
        let mut script = Vec::new();
        let mut at = Duration::ZERO;
        for step in 0..steps {
            // Much of it comes after everybody had time to agree: what was never confirmed cannot be lost by a backend.
            if is_shaky && step % 20 == 19 && rng.one_in(2) {
                at += Duration::from_secs(3 + rng.below(20));
                script.push(Step { at, action: shake(&mut rng) });
            }
            at += Duration::from_millis(rng.below(pace));
            if is_shaky && rng.one_in(30) {
                script.push(Step { at, action: shake(&mut rng) });
            }
            write_step(&mut script, (at, clients, is_shaky), &kinds, &mut rng);
        }
        script.sort_by_key(|step| step.at);
        let plan = Self {
            seed,
            natives,
            policies,
            keeps_identity,
            #[cfg(feature = "server")]
            is_server: false,
            network,
            confirms_every: None,
            script,
        };
        #[cfg(feature = "server")]
        let plan =
            if keeps_identity && Rng::new(seed ^ 0x5e77).one_in(SERVER_ONE_IN) { plan.with_server() } else { plan };
        plan
    }

    /// The same with this project's server as its backend.
    #[cfg(feature = "server")]
    #[must_use]
    pub fn with_server(mut self) -> Self {
        // A server closes a connection that has not pulled within three seconds, which on a slower way is chance.
        self.network.latency_max = self.network.latency_max.min(Duration::from_secs(1));
        Self { keeps_identity: true, is_server: true, ..self }
    }

    /// A plan in which so many clients write without a pause: none may starve.
    #[must_use]
    pub fn contention(seed: u64, clients: usize) -> Self {
        let mut rng = Rng::new(seed);
        let latency_max = Duration::from_millis(1 + rng.below(50));
        let network = NetworkPlan { latency_max, ..NetworkPlan::default() };
        // One of those that push at the same time wins; after so many tries nobody is left who was only unlucky.
        let try_max = latency_max * 4 + Duration::from_millis(5);
        let every = try_max * 20 * clients as u32;
        let mut script = Vec::new();
        let mut at = Duration::from_secs(1);
        while at < every * 2 {
            at += try_max;
            for client in 0..clients {
                let action = Action::Commit { client, session: 0, seed: rng.next_u64() };
                script.push(Step { at: at + Duration::from_micros(rng.below(5_000)), action });
            }
        }
        script.sort_by_key(|step| step.at);
        Self {
            seed,
            natives: vec![false; clients],
            policies: vec![OnOtherBackend::Rejoin; clients],
            keeps_identity: !rng.one_in(3),
            #[cfg(feature = "server")]
            is_server: false,
            network,
            confirms_every: Some(every),
            script,
        }
    }

    /// The same with these steps of the script alone.
    #[must_use]
    pub fn with_steps(mut self, kept: &[usize]) -> Self {
        self.script = kept.iter().filter_map(|index| self.script.get(*index).cloned()).collect();
        self
    }
}

fn shake(rng: &mut Rng) -> Action {
    let lost = rng.below(20) * rng.below(2) + rng.below(4);
    match rng.below(6) {
        0 | 1 => Action::Rewind(1 + lost),
        2 => Action::Replace(u64::MAX),
        3 | 4 => Action::Replace(lost),
        _ => Action::Strange,
    }
}

fn write_step(
    script: &mut Vec<Step>,
    (at, clients, is_shaky): (Duration, usize, bool),
    kinds: &[usize],
    rng: &mut Rng,
) {
    let client = rng.below(clients as u64) as usize;
    let session = rng.below(3) as usize;
    let mut write = |at, action| script.push(Step { at, action });
    if kinds.is_empty() || !rng.one_in(4) {
        return write(at, Action::Commit { client, session, seed: rng.next_u64() });
    }
    let until = at + Duration::from_millis(rng.below(20_000));
    match kinds[rng.below(kinds.len() as u64) as usize] {
        0 => write(at, if rng.one_in(2) { Action::Open(client) } else { Action::Close(client, session) }),
        1 => write(at, Action::Crash(client)),
        2 => write(at, Action::Sleep(client, Duration::from_millis(rng.below(10_000)))),
        3 => write_clock(script, (at, until), client, rng),
        4 => write(at, Action::Cut(client)),
        5 => {
            write(at, Action::Hold(client, true));
            write(until, Action::Hold(client, false));
        }
        6 => {
            write(at, Action::Online(false));
            write(until, Action::Online(true));
        }
        // Whoever holds an event brings it back to a backend that lost it: it may be refused here, and taken from another.
        7 if is_shaky || rng.one_in(4) => {
            write(at, Action::Auth(false));
            write(until, Action::Auth(true));
        }
        7 => {
            write(at, Action::Refuse(true));
            write(until, Action::Refuse(false));
        }
        8 => write(at, Action::Fault(rng.next_u64())),
        9 => write(at, Action::CrashAt(client, 1 + rng.below(12))),
        _ => {
            write(at, Action::Disk(rng.next_u64()));
            write(until, Action::DiskHeals);
        }
    }
}

fn write_clock(script: &mut Vec<Step>, (at, until): (Duration, Duration), client: usize, rng: &mut Rng) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut write = |at, action| script.push(Step { at, action });
    match rng.below(4) {
        0 => write(at, Action::Jump(client, Duration::from_secs(rng.below(100_000)))),
        1 => write(at, Action::Jump(client, HOUR * 24 * 3_653)),
        2 => write(at, Action::Back(client, HOUR)),
        _ => {
            write(at, Action::Still(client, true));
            write(until, Action::Still(client, false));
        }
    }
}
