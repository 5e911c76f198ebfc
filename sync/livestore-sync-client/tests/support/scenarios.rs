//! Stores that meet at a server.

use super::Site;
use super::app::{App, Ruled, Written, lines};
use super::proxy::Proxy;
use super::site::TOKEN;
use livestore::*;
use livestore_sync_client::Transport;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(120);

fn write(store: &Store<App>, texts: impl IntoIterator<Item = String>) {
    texts.into_iter().for_each(|text| drop(store.commit(Written { text }).unwrap()));
}

/// Waits until all of them are confirmed and have the same lines, so many.
#[track_caller]
fn check_converged(stores: &[&Store<App>], count: usize) {
    for store in stores {
        let is_done = store.wait_sync(LONG, |status| status.pending == 0 && status.synced >= count as u64);
        assert!(is_done, "{:?}", store.sync_status());
    }
    let expected = lines(stores[0]);
    assert_eq!(expected.len(), count, "{expected:?}");
    for store in stores {
        assert_eq!(lines(store), expected);
        assert_eq!(store.status().quarantined.len(), 0);
    }
}

/// Each way of talking with each.
pub(crate) fn stores_converge(site: Site) {
    for (one, other) in [(Transport::WebSocket, Transport::Http), (Transport::WebSocket, Transport::WebSocket)] {
        let id = site.new_store("converge");
        let open =
            |transport| Store::<App>::builder(memory(), &id).sync(site.client(site.port, transport)).open().unwrap();
        let (one, other) = (open(one), open(other));
        write(&one, (0..10).map(|index| format!("one {index}")));
        one.commit(Ruled).unwrap();
        write(&other, (0..10).map(|index| format!("other {index}")));
        other.commit(Ruled).unwrap();
        check_converged(&[&one, &other], 22);
        assert_eq!(one.sync_status().keeps_identity, site.is_own);
        one.shutdown().unwrap();
        other.shutdown().unwrap();
    }
}

/// A store goes on where it stopped, with what it and others did meanwhile.
pub(crate) fn a_store_resumes(site: Site) {
    let dir = tempfile::tempdir().unwrap();
    let id = site.new_store("resume");
    let proxy = Proxy::to(site.port);
    let open = || {
        let client = site.client(proxy.port, Transport::WebSocket);
        Store::<App>::builder(native(dir.path()), &id).sync(client).open().unwrap()
    };
    let store = open();
    write(&store, ["begun".to_owned()]);
    assert!(store.wait_synced(LONG), "{:?}", store.sync_status());
    proxy.set_closed(true);
    write(&store, (0..150).map(|index| format!("offline {index}")));
    store.shutdown().unwrap();
    let other = Store::<App>::builder(memory(), &id).sync(site.client(site.port, Transport::Http)).open().unwrap();
    write(&other, (0..150).map(|index| format!("meanwhile {index}")));
    assert!(other.wait_synced(LONG), "{:?}", other.sync_status());
    let store = open();
    let is_told = store.wait_sync(LONG, |status| matches!(status.last_error, Some(SyncError::Offline { .. })));
    assert!(is_told, "{:?}", store.sync_status());
    write(&store, ["still offline".to_owned()]);
    proxy.set_closed(false);
    check_converged(&[&store, &other], 302);
}

/// The answer to a push is lost on the way, and the push is known again.
pub(crate) fn a_lost_answer_is_made_good(site: Site) {
    for transport in [Transport::WebSocket, Transport::Http] {
        assert!((0..10).any(|_| loses_an_answer(site, transport)), "{transport:?}: no push arrived on a deaf line");
    }
}

/// Whether a push arrived whose answer was lost. An event may come back before the answer to its push: then it is that answer that is
/// lost, and nothing is pushed on this connection any more.
fn loses_an_answer(site: Site, transport: Transport) -> bool {
    let id = site.new_store("lost");
    let proxy = Proxy::to(site.port);
    let other = Store::<App>::builder(memory(), &id).sync(site.client(site.port, Transport::WebSocket)).open().unwrap();
    // A poll whose answer is lost would end the connection before the push.
    let client = site.builder(proxy.port, transport).token(TOKEN).poll_interval(LONG).build().unwrap();
    let store = Store::<App>::builder(memory(), &id).sync(client).open().unwrap();
    write(&store, ["first".to_owned()]);
    check_converged(&[&store, &other], 1);
    proxy.set_deaf(true);
    write(&store, ["second".to_owned()]);
    store.commit(Ruled).unwrap();
    // It arrived: others have it.
    let is_there = other.wait_sync(Duration::from_secs(10), |status| status.synced >= 2);
    assert!(store.sync_status().pending > 0);
    proxy.set_deaf(false);
    proxy.cut();
    check_converged(&[&store, &other], 3);
    assert_eq!(lines(&store), ["first", "second", "---"]);
    is_there
}

/// Others push while one pulls all that was there before.
pub(crate) fn a_pull_among_pushes_stays_in_order(site: Site) {
    let rounds = if std::env::var_os("CI").is_some() { 40 } else { 8 };
    let id = site.new_store("crowd");
    let open = |transport| Store::<App>::builder(memory(), &id).sync(site.client(site.port, transport)).open().unwrap();
    let writers = [open(Transport::WebSocket), open(Transport::WebSocket)];
    write(&writers[0], (0..600).map(|index| format!("before {index}")));
    assert!(writers[0].wait_synced(LONG), "{:?}", writers[0].sync_status());
    let readers = std::thread::scope(|scope| {
        for (name, writer) in writers.iter().enumerate() {
            scope.spawn(move || {
                for index in 0..rounds {
                    write(writer, [format!("writer {name} {index}")]);
                    assert!(writer.wait_synced(LONG), "{:?}", writer.sync_status());
                }
            });
        }
        [open(Transport::WebSocket), open(Transport::Http), open(Transport::WebSocket)]
    });
    let [one, two] = &writers;
    let [three, four, five] = &readers;
    check_converged(&[one, two, three, four, five], 600 + 2 * rounds);
}

/// Who is not let in is told so, and is let in with a new token, without opening the store again.
pub(crate) fn a_token_is_renewed(site: Site) {
    for transport in [Transport::WebSocket, Transport::Http] {
        let id = site.new_store("token");
        let is_good = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_good);
        let token = move || Ok(if asked.load(Ordering::Relaxed) { TOKEN } else { "bad-token" }.to_owned());
        let client = site.builder(site.port, transport).token_with(token).build().unwrap();
        let store = Store::<App>::builder(memory(), &id).sync(client).open().unwrap();
        write(&store, ["written before".to_owned()]);
        let is_told = store.wait_sync(LONG, |status| matches!(status.last_error, Some(SyncError::Unauthorized { .. })));
        assert!(is_told, "{:?}", store.sync_status());
        let shown = format!("{:?}", store.sync_status());
        assert!(!shown.contains("bad-token"), "{shown}");
        is_good.store(true, Ordering::Relaxed);
        assert!(store.wait_synced(LONG), "{:?}", store.sync_status());
    }
}

/// The backend behind an address is another one; what the first held goes to it.
pub(crate) fn a_replaced_backend_gets_everything(site: Site, other: Site) {
    let id = site.new_store("replaced");
    let proxy = Proxy::to(site.port);
    let client = site.client(proxy.port, Transport::WebSocket);
    let builder = Store::<App>::builder(memory(), &id).sync(client).on_other_backend(OnOtherBackend::Rejoin);
    let store = builder.open().unwrap();
    write(&store, (0..120).map(|index| format!("line {index}")));
    assert!(store.wait_synced(LONG), "{:?}", store.sync_status());
    let before = store.sync_status().backend_id;
    proxy.turn_to(other.port);
    write(&store, ["after".to_owned()]);
    let is_other = store.wait_sync(LONG, |status| status.backend_id != before);
    assert!(is_other, "{:?}", store.sync_status());
    let second = Store::<App>::builder(memory(), &id).sync(site.client(other.port, Transport::Http)).open().unwrap();
    check_converged(&[&store, &second], 121);
}
