//! Several servers on one storage, and owners that end.

use crate::faulty::{Asked, Faulty, sqlite};
use crate::support::server::{Client, Running, event, numbers};
use livestore_server::hub::HubOptions;
use livestore_server::serve::Server;
use livestore_server::storage::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Two servers that hear nothing of one another for as long as a test takes.
async fn two(storage: &Arc<dyn Storage>) -> [Running; 2] {
    let mut hub = HubOptions::default();
    hub.poll = Duration::from_secs(3_600);
    let server = || Server::builder(Faulty::shared(Arc::clone(storage))).hub(hub).build();
    [Running::start(server()).await, Running::start(server()).await]
}

async fn opened(running: &Running) -> (Client, String) {
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    let backend_id = client.page().await["backendId"].as_str().unwrap().to_owned();
    (client, backend_id)
}

#[tokio::test]
async fn a_client_that_knows_more_of_the_log_than_its_new_server_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let servers = two(&sqlite(dir.path())).await;
    // Open at both, while it is empty.
    let (_there, _) = opened(&servers[1]).await;
    let (mut first, backend_id) = opened(&servers[0]).await;
    let push = first.push(&[event(1, "a"), event(2, "b"), event(3, "c")]).await;
    assert_eq!(first.exit(&push).await["_tag"], "Success");

    let mut moved = Client::connect(servers[1].address, "s").await;
    moved.pull(Some((&backend_id, 3))).await;
    let page = moved.page().await;
    assert_eq!(numbers(&page), Vec::<u64>::new());
    assert_eq!(page["capabilities"]["head"], 3, "no word of a shorter log");
    // And goes on from there, rather than being held for somebody from another past.
    let push = moved.push(&[event(4, "d")]).await;
    assert_eq!(moved.exit(&push).await["_tag"], "Success");
    let mut other = Client::connect(servers[1].address, "s").await;
    other.pull(Some((&backend_id, 4))).await;
    assert_eq!(numbers(&other.page().await), Vec::<u64>::new());
    let push = other.push(&[event(5, "e")]).await;
    assert_eq!(other.exit(&push).await["_tag"], "Success");
    loop {
        // Its own event first, where that did not come before the end of the push.
        if numbers(&moved.page().await).contains(&5) {
            break;
        }
    }
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_push_on_events_of_another_server_is_judged_on_the_log_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let servers = two(&sqlite(dir.path())).await;
    let (mut second, _) = opened(&servers[1]).await;
    let (mut first, _) = opened(&servers[0]).await;
    let push = first.push(&[event(1, "a"), event(2, "b")]).await;
    assert_eq!(first.exit(&push).await["_tag"], "Success");
    let push = second.push(&[event(3, "c")]).await;
    assert_eq!(second.exit(&push).await["_tag"], "Success");
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_store_whose_owner_panicked_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let panics = Arc::new(AtomicBool::new(true));
    let is_on = Arc::clone(&panics);
    let storage = Faulty::new(sqlite(dir.path()), move |asked| {
        let panics = matches!(asked, Asked::Append) && is_on.swap(false, Ordering::Relaxed);
        async move {
            assert!(!panics, "the storage has a defect");
            Ok(())
        }
    });
    let running = Running::start(Server::builder(storage).build()).await;
    let (mut beside, _) = {
        let mut client = Client::connect(running.address, "other").await;
        client.pull(None).await;
        let page = client.page().await;
        (client, page)
    };
    let (mut client, _) = opened(&running).await;
    client.push(&[event(1, "a")]).await;
    assert_eq!(client.close_code().await, Some(1011), "what became of the push is not known");
    let (mut client, _) = opened(&running).await;
    let push = client.push(&[event(1, "a")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success");
    let push = beside.push(&[event(1, "a")]).await;
    assert_eq!(beside.exit(&push).await["_tag"], "Success", "another store hears nothing of it");
    running.stop().await;
}
