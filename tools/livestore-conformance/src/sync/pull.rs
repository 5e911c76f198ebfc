//! What a pull brings.

use super::client::{Client, events, events_of, payloads};
use super::{Subject, needs_identity};
use crate::suite::{demand, points};
use livestore::{PageInfo, SyncError, SyncMessage, SyncPage};

points! { Subject;

#[doc = "A pull of an empty log brings one empty page, the last."]
fn an_empty_log_is_one_empty_page(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let pages = client.pull(0)?;
    demand!(pages.len() == 1 && pages[0].events.is_empty() && pages[0].head.unwrap_or(0) == 0, "{pages:?}");
    client.send(livestore::SyncRequest::Ping);
    let next = client.next("the answer to a ping")?;
    demand!(next == SyncMessage::Pong, "the page was followed by {next:?}");
    Ok(())
}

#[doc = "A pull begins right after its cursor, and at the end of the log brings one empty page."]
fn a_pull_begins_after_its_cursor(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let pushed = events(0, 10, 1, 0);
    client.push_well(&pushed)?;
    for after in [0, 1, 9, 10] {
        let found = events_of(client.pull(after)?);
        demand!(payloads(&found) == payloads(&pushed[after as usize..]), "after e{after}: {:?}", payloads(&found));
    }
    Ok(())
}

#[doc = "Events come back as they were pushed: name, args byte for byte where ids are kept and as JSON elsewhere, absent args, client and session; ids and groups where they are kept."]
fn events_come_back_as_they_were(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    let mut pushed = events(0, 4, 2, 10);
    pushed[1].args = None;
    let args = if subject.keeps_identity() {
        "{ \"b\" : 1.50, \"a\":\"\u{1F600}\\u00e9\" }"
    } else {
        "{\"b\":1.5,\"a\":\"\u{1F600}\u{e9}\"}" // The original's backend reads JSON and writes it anew.
    };
    pushed[2].args = Some(args.into());
    client.push_well(&pushed)?;
    let pages = client.pull(0)?;
    demand!(pages.iter().all(|page| page.keeps_identity == subject.keeps_identity()), "the pages say otherwise what is kept");
    let mut found = events_of(pages);
    if !subject.keeps_identity() && found.get(1).is_some_and(|event| event.args.as_deref() == Some("null")) {
        // The original's backend gives absent args back so, and a store takes the two for one.
        found[1].args = None;
    }
    demand!(payloads(&found) == payloads(&pushed), "{found:?}");
    demand!(found.iter().all(|event| event.client_id == "client" && event.session_id == "session"), "{found:?}");
    demand!(!subject.keeps_identity() || found == pushed, "ids or groups are not kept: {found:?}");
    demand!(subject.keeps_identity() || found.iter().all(|event| event.rest.is_none()), "groups are half kept");
    Ok(())
}

#[doc = "10,000 events come in pages that are bounded, without a gap, and say truly what follows."]
fn ten_thousand_events_come_in_pages(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    for batch in 0..100 {
        client.push_well(&events(batch * 100, 100, 1, 0))?;
    }
    let pages = client.pull(0)?;
    demand!(pages.len() > 1, "all came in one page");
    let mut left = 10_000;
    for page in &pages {
        left -= page.events.len() as u64;
        demand!(page.events.len() <= SyncPage::EVENTS_MAX, "a page has {} events", page.events.len());
        demand!(!matches!(page.info, PageInfo::More(more) if more != left), "{:?} and there are {left}", page.info);
        demand!((page.info == PageInfo::Last) == (left == 0), "{:?} and there are {left}", page.info);
        demand!(page.head.is_none_or(|head| head == 10_000), "the head is e{:?}", page.head);
    }
    Ok(())
}

#[doc = "Much data comes in several pages, each of a bounded size."]
fn large_events_are_split_over_pages(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    for index in 0..4 {
        client.push_well(&events(index, 1, 1, 400_000))?;
    }
    let pages = client.pull(0)?;
    let sizes: Vec<usize> = pages.iter().map(|page| page.events.iter().map(livestore::SyncEvent::bytes).sum()).collect();
    demand!(sizes.iter().all(|size| *size <= SyncPage::BYTES_MAX), "{sizes:?}");
    demand!(events_of(pages).len() == 4, "{sizes:?}");
    Ok(())
}

#[doc = "A commit group is never split over pages, where groups are kept."]
fn groups_are_not_split_over_pages(subject) {
    needs_identity(subject)?;
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    for batch in 0..10 {
        client.push_well(&events(batch * 700, 700, 7, 0))?;
    }
    client.push_well(&events(7_000, 1_000, 1_000, 0))?;
    for page in client.pull(0)? {
        let rest = page.events.last().and_then(|event| event.rest);
        demand!(rest == Some(0), "a page ends inside a group: {rest:?} follow");
    }
    Ok(())
}

#[doc = "A live pull brings what others push, in order and without a gap, and the echo of one's own pushes."]
fn a_live_pull_follows_others_and_itself(subject) {
    let backend = subject.backend();
    let (mut own, mut other) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    let pushed = events(0, 30, 1, 0);
    own.pull_live(0)?;
    for (index, event) in pushed.iter().enumerate() {
        if index % 2 == 0 {
            other.push_well(std::slice::from_ref(event))?;
            own.follow(index as u64, index as u64 + 1)?;
            continue;
        }
        own.send(livestore::SyncRequest::Push { backend_id: own.backend_id.clone(), events: vec![event.clone()] });
        let (one, two) = (own.next("the answer or the echo")?, own.next("the answer or the echo")?);
        let is_echo = |message: &SyncMessage| {
            matches!(message, SyncMessage::Page(page) if payloads(&page.events) == payloads(std::slice::from_ref(event)))
        };
        demand!([&one, &two].contains(&&SyncMessage::Pushed) && (is_echo(&one) || is_echo(&two)), "{one:?}, {two:?}");
    }
    Ok(())
}

#[doc = "A pull that is not live brings nothing later, and a new pull ends the one before."]
fn a_new_pull_ends_the_one_before(subject) {
    let backend = subject.backend();
    let (mut reader, mut writer) = (Client::connect(subject, &backend)?, Client::connect(subject, &backend)?);
    writer.push_well(&events(0, 3, 1, 0))?;
    reader.pull_live(0)?;
    demand!(events_of(reader.pull(1)?).len() == 2, "the second pull did not begin after e1");
    writer.push_well(&events(3, 1, 1, 0))?;
    reader.send(livestore::SyncRequest::Ping);
    let next = reader.next("the answer to a ping")?;
    demand!(next == SyncMessage::Pong, "{next:?} came though nothing is followed");
    let late = reader.receive();
    demand!(late.is_none(), "{late:?} came though nothing is followed");
    Ok(())
}

#[doc = "A cursor behind the end of the log is not answered by events or by silence: the head tells, or the connection ends."]
fn an_unknown_cursor_is_told(subject) {
    let backend = subject.backend();
    let mut client = Client::connect(subject, &backend)?;
    client.push_well(&events(0, 3, 1, 0))?;
    client.pull(0)?;
    client.ask(999, false);
    match client.next("an answer")? {
        SyncMessage::Page(page) => demand!(page.events.is_empty() && page.head == Some(3), "{page:?}"),
        SyncMessage::Disconnected(SyncError::Protocol { .. }) => {}
        other => demand!(false, "{other:?}"),
    }
    Ok(())
}

#[doc = "The logs of two stores are two: nothing of one is seen in the other."]
fn stores_are_isolated(subject) {
    let backend = subject.backend();
    let mut one = Client::connect_to(subject, &backend, "one")?;
    let mut other = Client::connect_to(subject, &backend, "One")?;
    one.push_well(&events(0, 5, 1, 0))?;
    demand!(events_of(other.pull(0)?).is_empty(), "events of another store");
    other.push_well(&events(0, 1, 1, 0))?;
    demand!(events_of(one.pull(0)?).len() == 5, "events of another store");
    Ok(())
}

}
