//! What sessions and a leader share, in many orders of their threads: nobody is forgotten, nothing comes twice or out of order. A wait
//! that nobody ends is a deadlock here, and fails.

use super::*;
use crate::event::SequenceNumber;
use crate::eventlog::LogHead;
use crate::threads::{Builder, JoinHandle, Mutex, current, explore};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(1_000);

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().spawn(work).unwrap()
}

fn judged(place: u64) -> Judged {
    let number = SequenceNumber { global: place, ..SequenceNumber::ROOT };
    Judged { group: group(place), head: LogHead { place, number }, verdict: Verdict::Applied }
}

fn place_of(news: &News) -> u64 {
    match news {
        News::Confirmed(published) => published.place,
        other => panic!("{other:?} was never told"),
    }
}

fn submission(id: u64) -> (Submission, Arc<ReceiptSlot>) {
    let slot = Arc::new(ReceiptSlot::default());
    (Submission { group: group(id), slot: Arc::clone(&slot), is_foreign: false }, slot)
}

#[test]
fn a_session_hears_everything_once_and_in_order() {
    explore(1, || {
        let port = Arc::new(Port::default());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let take = |port: &Port, heard: &Mutex<Vec<u64>>| {
            // As a store does: the news are taken with its lock held.
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.extend(port.drain().iter().map(place_of));
        };
        let at = Arc::clone(&port);
        let leader = spawn(move || (1..=4).for_each(|place| at.publish(&[judged(place)], |_| place % 2 == 0)));
        let (at, to) = (Arc::clone(&port), Arc::clone(&heard));
        let worker = spawn(move || {
            while at.wait() {
                take(&at, &to);
            }
        });
        take(&port, &heard);
        leader.join().unwrap();
        // The worker takes what is of others by itself.
        while heard.lock().unwrap().iter().max() < Some(&3) {
            ::shuttle::thread::yield_now();
        }
        port.close("the store was closed");
        worker.join().unwrap();
        take(&port, &heard);
        assert_eq!(*heard.lock().unwrap(), [1, 2, 3, 4]);
    });
}

#[test]
fn another_process_hears_everything_until_its_port_is_closed() {
    explore(1, || {
        let port = Arc::new(Port::default());
        let at = Arc::clone(&port);
        let line = spawn(move || {
            let (mut heard, mut synced) = (Vec::new(), (0, 0));
            while let Some(told) = at.news(LONG) {
                heard.extend(told.news.iter().map(place_of));
                synced = told.synced.unwrap_or(synced);
                assert!(heard.last().copied().unwrap_or(0) >= synced.0, "synced before it was told");
                if synced.0 == 3 {
                    break;
                }
            }
            heard
        });
        for place in 1..=3 {
            port.publish(&[judged(place)], |_| true);
            port.note_synced(place, 0);
        }
        assert_eq!(line.join().unwrap(), [1, 2, 3]);
        port.close("it went away");
        assert!(port.news(LONG).is_none());
    });
}

struct Unpark(::shuttle::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on(slot: &ReceiptSlot) {
    let waker: Waker = Arc::new(Unpark(current())).into();
    let mut confirmed = pin!(std::future::poll_fn(|cx: &mut Context<'_>| {
        let mut state = slot.state();
        if state.confirmed.is_some() || state.is_over() {
            return Poll::Ready(());
        }
        ReceiptSlot::wake_on_change(&mut state, cx.waker());
        Poll::Pending
    }));
    while confirmed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        ::shuttle::thread::park();
    }
}

#[test]
fn whoever_waits_for_a_receipt_is_told() {
    explore(1, || {
        let slot = Arc::new(ReceiptSlot::default());
        let (waits, awaits) = (Arc::clone(&slot), Arc::clone(&slot));
        let waiting = spawn(move || waits.wait(LONG, |state| state.confirmed.is_some() || state.is_over()));
        let awaiting = spawn(move || block_on(&awaits));
        let closes = Arc::clone(&slot);
        let closing = spawn(move || closes.close(&"the store was closed".into()));
        slot.set_durable();
        slot.confirm(SequenceNumber::ROOT, &Verdict::Applied, false);
        assert!(waiting.join().unwrap());
        awaiting.join().unwrap();
        closing.join().unwrap();
    });
}

/// Takes what is left at the desk until the last session is gone, as a process does that hands it on.
fn serve(desk: &Arc<Desk>) -> Vec<u64> {
    let mut taken = Vec::new();
    loop {
        let work = desk.work_within(LONG);
        for submission in work.submissions {
            taken.push(submission.group.ordinal);
            submission.slot.confirm(SequenceNumber::ROOT, &Verdict::Applied, true);
        }
        for request in work.requests {
            if let Request::Sync { reply } = request {
                let _ = reply.send(Ok(()));
            }
        }
        if work.is_stopping {
            return taken;
        }
    }
}

#[test]
fn what_is_submitted_is_taken_once_and_in_order_or_its_receipt_is_closed() {
    explore(1, || {
        let desk = Desk::new(LeaderOptions::default());
        let at = Arc::clone(&desk);
        let server = spawn(move || {
            let taken = serve(&at);
            at.close(&"the leader ended".into());
            taken
        });
        let at = Arc::clone(&desk);
        let session = spawn(move || {
            (1..=3_u64).map(submission).map(|(submission, slot)| (at.submit(submission), slot).1).collect::<Vec<_>>()
        });
        let at = Arc::clone(&desk);
        // One that the leader's end overtakes is told so.
        let asking = spawn(move || at.sync(LONG).is_ok());
        desk.stop();
        let slots = session.join().unwrap();
        let _ = asking.join().unwrap();
        let taken = server.join().unwrap();
        assert_eq!(taken, (1..=taken.len() as u64).collect::<Vec<_>>());
        for (id, slot) in (1..).zip(slots) {
            assert!(slot.wait(LONG, |state| state.confirmed.is_some() || state.is_over()));
            assert_eq!(slot.state().confirmed.is_some(), taken.contains(&id), "group {id}");
        }
    });
}

#[test]
fn leadership_moves_and_nothing_is_lost_on_the_way() {
    explore(1, || {
        let desk = Desk::new(LeaderOptions::default());
        let at = Arc::clone(&desk);
        let session = spawn(move || {
            let slots: Vec<_> =
                (1..=4).map(submission).map(|(submission, slot)| (at.submit(submission), slot).1).collect();
            for slot in slots {
                assert!(slot.wait(LONG, |state| state.confirmed.is_some()));
            }
            at.stop();
        });
        // The first that serves loses its leader in the middle, and gives back what it has.
        let mut waiting = VecDeque::new();
        while waiting.len() < 2 {
            waiting.extend(desk.work_within(LONG).submissions);
        }
        desk.give_back(waiting, Vec::new());
        assert_eq!(serve(&desk), [1, 2, 3, 4]);
        session.join().unwrap();
    });
}

#[test]
fn a_leader_s_thread_takes_everything_and_ends_with_the_last_session() {
    explore(4, || {
        let leader =
            Leader::open(&Storage::Memory, Materializers::of::<App>(), &mut |_, _| Ok(Vec::new()), &mut |_| {})
                .unwrap();
        let handle = Arc::new(LeaderHandle::lead(leader, LeaderOptions::default(), None, Box::new(())).unwrap());
        let at = Arc::clone(&handle);
        let other = spawn(move || {
            at.wait_past(1, LONG);
            at.sync(LONG).unwrap();
            at.status().place
        });
        let slots: Vec<_> =
            (1..=2).map(submission).map(|(submission, slot)| (handle.submit(submission), slot).1).collect();
        for slot in slots {
            assert!(slot.wait(LONG, |state| state.confirmed.is_some()));
        }
        assert_eq!(other.join().unwrap(), 2);
        drop(handle);
    });
}
