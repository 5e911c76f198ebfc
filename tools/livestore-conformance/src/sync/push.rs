//! What becomes of a push.

use super::client::{Client, events, events_of, payloads};
use super::{Subject, needs_identity};
use crate::suite::{demand, points};
use livestore::{PushRefusal, SyncError, SyncMessage, SyncRequest};

points! { Subject;

#[doc = "Of two pushes with one parent that come at once exactly one is accepted; the other is told that the backend is ahead, and where."]
fn one_of_two_concurrent_pushes_wins(subject) {
    let backend = subject.backend();
    let mut clients = [Client::connect(subject, &backend)?, Client::connect(subject, &backend)?];
    for round in 0..20 {
        for client in &mut clients {
            client.send(SyncRequest::Push { backend_id: None, events: events(round, 1, 1, 0) });
        }
        let [one, two] = &mut clients;
        let answers = [one.next("the answer to a push")?, two.next("the answer to a push")?];
        let ahead = SyncMessage::PushRefused(PushRefusal::ServerAhead { head: round + 1 });
        demand!(answers.contains(&SyncMessage::Pushed) && answers.contains(&ahead), "round {round}: {answers:?}");
    }
    demand!(events_of(clients[0].pull(0)?).len() == 20, "more was appended than accepted");
    Ok(())
}

#[doc = "A push on an old parent is told that the backend is ahead, and nothing of it is appended."]
fn a_late_push_is_told_that_the_backend_is_ahead(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let pushed = events(0, 5, 1, 0);
    client.push_well(&pushed)?;
    for after in [0, 3, 4] {
        let answer = client.push(&events(after, 4, 1, 0))?;
        demand!(answer == SyncMessage::PushRefused(PushRefusal::ServerAhead { head: 5 }), "after e{after}: {answer:?}");
    }
    demand!(payloads(&events_of(client.pull(0)?)) == payloads(&pushed), "a refused push left something");
    client.push_well(&events(5, 1, 1, 0))
}

#[doc = "A push of more than 100 events, or of one group of 1,000, is taken whole, whatever the transport splits."]
fn large_pushes_are_taken_whole(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let mut pushed = events(0, 150, 1, 0);
    client.push_well(&pushed)?;
    pushed.extend(events(150, 1_000, 1_000, 0));
    client.push_well(&pushed[150..])?;
    pushed.extend(events(1_150, 8, 8, 100_000));
    client.push_well(&pushed[1_150..])?;
    demand!(payloads(&events_of(client.pull(0)?)) == payloads(&pushed), "not all is there");
    Ok(())
}

#[doc = "A push with a gap inside is an error, is never answered as if the backend were ahead, and appends nothing."]
fn an_inner_gap_is_an_error(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    client.push_well(&events(0, 2, 1, 0))?;
    let mut gap = events(2, 3, 1, 0);
    gap.remove(1);
    let mut twice = events(2, 2, 1, 0);
    twice[1].number = 3;
    let mut parent = events(2, 2, 1, 0);
    parent[1].parent = 2;
    for (what, push) in [("a gap", gap), ("a number twice", twice), ("a wrong parent", parent)] {
        let mut client = Client::connect(subject, &backend)?;
        let answer = client.push(&push)?;
        let is_error = matches!(
            answer,
            SyncMessage::PushRefused(PushRefusal::Rejected { .. }) | SyncMessage::Disconnected(SyncError::Protocol { .. })
        );
        demand!(is_error, "{what} was answered by {answer:?}");
    }
    demand!(events_of(client.pull(0)?).len() == 2, "a part of it was appended");
    client.push_well(&events(2, 1, 1, 0))
}

#[doc = "A push beyond the end of the log is not accepted, and appends nothing."]
fn a_push_beyond_the_end_is_refused(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    client.push_well(&events(0, 2, 1, 0))?;
    let answer = client.push(&events(9, 1, 1, 0))?;
    demand!(matches!(answer, SyncMessage::PushRefused(_) | SyncMessage::Disconnected(SyncError::Protocol { .. })), "{answer:?}");
    let mut client = Client::connect(subject, &backend)?;
    demand!(events_of(client.pull(0)?).len() == 2, "it was appended");
    Ok(())
}

#[doc = "A repeat of what was accepted, with the same ids at the same numbers, is accepted and appends nothing; what is new behind it is appended."]
fn a_repeat_is_accepted_once(subject) {
    needs_identity(subject)?;
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let pushed = events(0, 6, 1, 0);
    client.push_well(&pushed[..4])?;
    client.push_well(&pushed[..4])?;
    client.push_well(&pushed[1..3])?;
    client.push_well(&pushed[2..])?;
    demand!(events_of(client.pull(0)?) == pushed, "the log is another");
    Ok(())
}

#[doc = "The same ids at other numbers are not taken for a repeat, and no id is in the log twice."]
fn ids_at_other_numbers_are_no_repeat(subject) {
    needs_identity(subject)?;
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let pushed = events(0, 3, 1, 0);
    client.push_well(&pushed)?;
    let mut moved = events(3, 1, 1, 0);
    moved[0].id = pushed[1].id;
    let answer = client.push(&moved)?;
    demand!(answer != SyncMessage::Pushed, "an event was accepted a second time");
    let mut client = Client::connect(subject, &backend)?;
    demand!(events_of(client.pull(0)?) == pushed, "the log is another");
    Ok(())
}

#[doc = "Events without ids are never taken for a repeat: equal events on an old parent are behind."]
fn events_without_ids_are_no_repeat(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let mut pushed = events(0, 2, 1, 0);
    pushed.iter_mut().for_each(|event| event.id = None);
    client.push_well(&pushed)?;
    let answer = client.push(&pushed)?;
    demand!(answer == SyncMessage::PushRefused(PushRefusal::ServerAhead { head: 2 }), "{answer:?}");
    Ok(())
}

}
