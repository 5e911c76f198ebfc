//! One leader, and what happens when it goes.

use super::app::{STORE, Stepped, commit, open, settle, sorted};
use super::process::{Process, process};
use super::{Subject, needs_persistence};
use crate::report::Miss;
use crate::suite::{demand, points};
use std::sync::Barrier;

points! { Subject;

#[doc = "Many threads that open a store at once are sessions of one leader: one order, nothing lost."]
fn one_leader_for_many_threads(subject) {
    let place = subject.place();
    let barrier = Barrier::new(8);
    let (barrier, at) = (&barrier, &place);
    let stores = std::thread::scope(|scope| {
        let opens = |thread: i64| {
            scope.spawn(move || -> Result<_, Miss> {
                barrier.wait();
                let store = open(subject, at, STORE)?;
                commit(&store, thread * 100..thread * 100 + 10)?;
                Ok(store)
            })
        };
        let threads: Vec<_> = (0..8).map(opens).collect();
        let joined = threads.into_iter().map(|thread| thread.join().map_err(|_| Miss::Failed("a thread panicked".into()))?);
        joined.collect::<Result<Vec<_>, Miss>>()
    })?;
    let order = settle(&stores[0], 80)?;
    for store in &stores {
        demand!(settle(store, 80)? == order, "two sessions have two orders");
    }
    Ok(())
}

#[doc = "When the session that opened first ends, the others go on, and nothing is lost."]
fn the_first_session_goes_and_others_go_on(subject) {
    let place = subject.place();
    let (first, second) = (open(subject, &place, STORE)?, open(subject, &place, STORE)?);
    commit(&first, 0..50)?;
    commit(&second, 100..150)?;
    drop(first);
    commit(&second, 150..200)?;
    let third = open(subject, &place, STORE)?;
    commit(&third, 200..210)?;
    demand!(settle(&second, 160)? == settle(&third, 160)?, "two orders");
    Ok(())
}

#[doc = "Many processes that open a store at once agree on one leader: all open, all commit, nothing is lost."]
fn one_leader_for_many_processes(subject) {
    let place = subject.place();
    let mut processes = (0..4).map(|_| process(subject, &place, STORE)).collect::<Result<Vec<_>, _>>()?;
    processes.iter_mut().try_for_each(Process::wait_open)?;
    for (index, process) in processes.iter_mut().enumerate() {
        process.tell(&format!("commit {} 20", index * 100))?;
    }
    for process in &mut processes {
        process.expect("committed")?;
    }
    for process in &mut processes {
        process.ask("await 80", "80")?;
    }
    processes.into_iter().try_for_each(Process::close)?;
    settle(&open(subject, &place, STORE)?, 80)?;
    Ok(())
}

#[doc = "When the process that opened first is killed, the others go on, and nothing that was committed is lost."]
fn a_killed_process_loses_nothing(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    let mut first = process(subject, &place, STORE)?;
    first.wait_open()?;
    let mut second = process(subject, &place, STORE)?;
    second.wait_open()?;
    first.ask("commit 0 50", "committed")?;
    second.ask("commit 100 50", "committed")?;
    first.kill();
    second.ask("commit 200 50", "committed")?;
    let third = open(subject, &place, STORE)?;
    third.commit(Stepped { id: 300 })?;
    second.ask("await 151", "151")?;
    second.close()?;
    let found = sorted(settle(&third, 151)?);
    let expected: Vec<_> = (0..50).chain(100..150).chain(200..250).chain([300]).collect();
    demand!(found == expected, "{found:?}");
    Ok(())
}

#[doc = "When the process that opened first is closed in order, the others go on."]
fn a_closed_process_hands_over(subject) {
    let place = subject.place();
    let mut first = process(subject, &place, STORE)?;
    first.wait_open()?;
    let store = open(subject, &place, STORE)?;
    first.ask("commit 0 50", "committed")?;
    commit(&store, 100..150)?;
    first.close()?;
    commit(&store, 150..200)?;
    settle(&store, 150)?;
    Ok(())
}

}
