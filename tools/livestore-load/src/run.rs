//! A run: everybody connects, commits for a while, and gets the rest.

use crate::args::Args;
use crate::client::{Client, Outcome, Role};
use crate::figures::{Phase, Shared};
use crate::progress::Progress;
use crate::report::{Report, Usage};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long all handshakes may take.
const CONNECT_MAX: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Puts the load on.
///
/// # Errors
///
/// Not all clients can be connected.
pub async fn run(args: &Args) -> Result<Report, Box<dyn Error>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let run = u64::from(std::process::id()) ^ since.as_secs() << 16;
    let shared = Arc::new(Shared::new(args.clone(), run & 0xffff_ffff_ffff));
    let stop = stopped();
    let mut usage = Usage::begin(args.server_pid);
    let mut clients = JoinSet::new();
    for (number, role) in roles(args).enumerate() {
        clients.spawn(Client::new(&shared, number, role).run());
    }
    connected(&shared, clients.len(), &stop).await?;
    usage.connected();

    let begin = Instant::now();
    shared.phase.send_replace(Phase::Running { begin });
    let mut progress = Progress::new(&shared, begin);
    while begin.elapsed() < args.duration && !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK.min(args.duration.saturating_sub(begin.elapsed()))).await;
        progress.show();
    }
    let took = begin.elapsed();
    let (taken, delivered) = (shared.taken.load(Ordering::Relaxed), shared.delivered.load(Ordering::Relaxed));
    let deadline = Instant::now() + args.drain;
    shared.phase.send_replace(Phase::Settling);
    let pushing = roles(args).filter(|role| matches!(role, Role::Pushes | Role::PushesBlind)).count();
    while shared.settled.load(Ordering::Relaxed) < pushing && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
        progress.show();
    }
    shared.phase.send_replace(Phase::Ending);
    let outcomes = outcomes(&shared, clients, deadline, &mut progress).await?;
    progress.end();
    usage.end();
    Ok(Report::new(&shared, &outcomes, &usage, took, (taken, delivered)))
}

fn roles(args: &Args) -> impl Iterator<Item = Role> + use<> {
    let (clients, stalled, readers) = (args.clients, args.stalled.min(args.clients), args.readers);
    let pushes = if args.blind { Role::PushesBlind } else { Role::Pushes };
    let pushing = std::iter::repeat_n(pushes, clients - stalled);
    pushing.chain(std::iter::repeat_n(Role::Reads, readers)).chain(std::iter::repeat_n(Role::Stalls, stalled))
}

async fn connected(shared: &Shared, clients: usize, stop: &AtomicBool) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + CONNECT_MAX;
    loop {
        let ready = shared.ready.load(Ordering::Relaxed);
        if ready == clients {
            return Ok(());
        }
        if Instant::now() >= deadline || stop.load(Ordering::Relaxed) {
            let problems = shared.problems().join("; ");
            return Err(format!("{ready} of {clients} clients are connected: {problems}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn outcomes(
    shared: &Shared,
    mut clients: JoinSet<Outcome>,
    deadline: Instant,
    progress: &mut Progress<'_>,
) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let mut outcomes = Vec::new();
    while !clients.is_empty() {
        match tokio::time::timeout(LOOK, clients.join_next()).await {
            Ok(Some(outcome)) => outcomes.push(outcome?),
            Ok(None) => break,
            Err(_) => progress.show(),
        }
        if Instant::now() >= deadline {
            shared.phase.send_replace(Phase::Over);
        }
    }
    Ok(outcomes)
}

/// Set by Ctrl-C, which ends the run and leaves the summary; a second one ends the program.
fn stopped() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if set.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    });
    stop
}
