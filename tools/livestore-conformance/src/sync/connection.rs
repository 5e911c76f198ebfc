//! How connections begin, live and end.

use super::client::{Client, events, events_of, payloads};
use super::{Door, Subject, applies};
use crate::suite::{demand, points, until_within};
use livestore::{PushRefusal, SyncError, SyncMessage, SyncRequest};

points! { Subject;

#[doc = "A connection first says that it stands, and answers a ping."]
fn connects_and_answers_a_ping(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    client.send(SyncRequest::Ping);
    let answer = client.next("the answer to a ping")?;
    demand!(answer == SyncMessage::Pong, "{answer:?}");
    Ok(())
}

#[doc = "Whoever waits is woken when something came."]
fn wakes_who_waits(subject) {
    let backend = subject.backend();
    let (mut reader, mut writer) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    reader.pull_live(0)?;
    demand!(reader.receive().is_none(), "something came that nobody asked for");
    reader.hush();
    writer.push_well(&events(0, 1, 1, 0))?;
    until_within(subject.patience(), "a waking", || Ok(reader.is_woken().then_some(())))?;
    reader.follow(0, 1)?;
    Ok(())
}

#[doc = "An idle connection survives, and brings what comes afterwards."]
fn an_idle_connection_survives(subject) {
    let backend = subject.backend();
    let (mut reader, mut writer) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    reader.pull_live(0)?;
    std::thread::sleep(subject.idle_time()); // The pause is what is tested.
    writer.push_well(&events(0, 1, 1, 0))?;
    reader.follow(0, 1)?;
    Ok(())
}

#[doc = "A cut connection says so as its last message, and is not told apart from being offline."]
fn a_cut_connection_says_so(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    applies(subject.disconnect(&backend), "cut connections")?;
    client.send(SyncRequest::Ping);
    let end = until_within(subject.patience(), "the end of the connection", || Ok(match client.next("the end of the connection")? {
        SyncMessage::Pong => None,
        other => Some(other),
    }))?;
    demand!(matches!(end, SyncMessage::Disconnected(SyncError::Offline { .. })), "{end:?}");
    demand!(client.receive().is_none(), "something came after the end");
    Ok(())
}

#[doc = "A new connection resumes after a cut one, without a gap and without a double."]
fn a_reconnect_resumes(subject) {
    let backend = subject.backend();
    let (mut reader, mut writer) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    reader.pull_live(0)?;
    let mut pushed = events(0, 5, 1, 0);
    writer.push_well(&pushed)?;
    let mut seen = reader.follow(0, 5)?;
    applies(subject.disconnect(&backend), "cut connections")?;
    let mut writer = Client::connect(subject, &backend)?;
    pushed.extend(events(5, 5, 1, 0));
    writer.push_well(&pushed[5..])?;
    let mut again = Client::connect(subject, &backend)?;
    again.backend_id = reader.backend_id.clone();
    seen.extend(events_of(again.pull_live(5)?));
    pushed.extend(events(10, 2, 1, 0));
    writer.push_well(&pushed[10..])?;
    let after = seen.last().map_or(0, |event| event.number);
    seen.extend(again.follow(after, 12)?);
    demand!(payloads(&seen) == payloads(&pushed), "{:?}", payloads(&seen));
    Ok(())
}

#[doc = "A backend that cannot be reached is told as offline, and can be reached again afterwards."]
fn offline_is_told(subject) {
    let backend = subject.backend();
    applies(subject.set_door(&backend, Door::Offline), "take the backend away")?;
    let end = Client::dial(subject, &backend, "main")?.next("the end of the connection")?;
    demand!(matches!(end, SyncMessage::Disconnected(SyncError::Offline { .. })), "{end:?}");
    subject.set_door(&backend, Door::Open);
    Client::connect(subject, &backend)?.pull(0)?;
    Ok(())
}

#[doc = "A client that is not let in is told so, apart from being offline, and may be let in later."]
fn a_refusal_is_not_offline(subject) {
    let backend = subject.backend();
    applies(subject.set_door(&backend, Door::Unauthorized), "refuse clients")?;
    let mut client = Client::dial(subject, &backend, "main")?;
    let mut end = client.next("the end of the connection")?;
    if end == SyncMessage::Connected {
        end = client.next("the end of the connection")?; // A transport may stand before the backend looks.
    }
    demand!(matches!(end, SyncMessage::Disconnected(SyncError::Unauthorized { .. })), "{end:?}");
    subject.set_door(&backend, Door::Open);
    Client::connect(subject, &backend)?.pull(0)?;
    Ok(())
}

#[doc = "A backend that was replaced has another id: pages carry it, and a push under the old id is refused as of another backend."]
fn another_backend_surfaces(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    client.push_well(&events(0, 3, 1, 0))?;
    client.pull(0)?;
    let old = client.backend_id.clone();
    applies(subject.replace_backend(&backend), "replace the backend")?;
    let mut client = Client::connect(subject, &backend)?;
    client.backend_id.clone_from(&old);
    client.ask(3, false);
    let page = client.next_page()?;
    demand!(Some(&page.backend_id) != old.as_ref(), "it is still {old:?}");
    demand!(page.events.is_empty(), "events of another log came after e3");
    client.backend_id = old;
    let answer = client.push(&events(0, 1, 1, 0))?;
    let expected = SyncMessage::PushRefused(PushRefusal::OtherBackend { found: page.backend_id });
    demand!(answer == expected, "{answer:?}");
    Ok(())
}

#[doc = "One client that ends does not disturb the others."]
fn clients_end_alone(subject) {
    let backend = subject.backend();
    let (mut reader, mut writer) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    reader.pull_live(0)?;
    let mut third = Client::connect(subject, &backend)?;
    third.pull_live(0)?;
    drop(third);
    writer.push_well(&events(0, 2, 1, 0))?;
    reader.follow(0, 2)?;
    Ok(())
}

}
