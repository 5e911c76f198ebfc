//! Hooks that panic, hesitate or cannot be asked.

use crate::faulty::sqlite;
use crate::support::server::{Client, Running, event, numbers};
use livestore_server::auth::{
    Authenticator, Authorizer, ConnectInfo, EventValidator, EventVerdict, Gate, HookFuture, Operation, Principal,
    Refusal,
};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::Server;
use livestore_sync_protocol::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Does what an event, or a store, is called.
#[derive(Debug, Default)]
struct Moody {
    go_on: Notify,
    is_away: AtomicBool,
}

impl EventValidator for Moody {
    fn validate<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a str,
        event: &'a Event,
    ) -> HookFuture<'a, Result<EventVerdict, Refusal>> {
        let text = event.args.as_ref().map_or("", |args| args.text());
        assert!(!text.contains("panic"), "the validator has a defect");
        Box::pin(async move {
            if text.contains("slow") {
                self.go_on.notified().await;
            }
            Ok(EventVerdict::Accept)
        })
    }
}

impl Authenticator for Moody {
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
        assert!(connect.store_id != "panic", "the authenticator has a defect");
        Box::pin(async { Ok(Principal::named("ada")) })
    }
}

impl Authorizer for Moody {
    fn authorize<'a>(&'a self, _: &'a Principal, _: &'a str, _: Operation) -> HookFuture<'a, Result<(), Refusal>> {
        let is_away = self.is_away.load(Ordering::Relaxed);
        Box::pin(async move { if is_away { Err(Refusal::unavailable("the database is away")) } else { Ok(()) } })
    }
}

async fn moody(dir: &std::path::Path) -> (Running, Gate, Arc<Moody>) {
    let moody = Arc::new(Moody::default());
    let validator: Arc<dyn EventValidator> = Arc::clone(&moody) as _;
    let gate = Gate::new(Arc::clone(&moody), &ServerLimits::default()).with_validator(validator);
    let server = Server::builder(sqlite(dir)).gate(gate.clone()).build();
    (Running::start(server).await, gate, moody)
}

#[tokio::test]
async fn a_push_never_overtakes_another_of_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let (running, _, moody) = moody(dir.path()).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    let first = client.push(&[event(1, "slow")]).await;
    let second = client.push(&[event(2, "fast")]).await;
    // Whoever overtakes has done so when the ping is answered.
    client.send(&serde_json::json!({"_tag": "Ping"})).await;
    while client.receive().await.expect("the connection stands")["_tag"] != "Pong" {}
    moody.go_on.notify_one();
    assert_eq!(client.exit(&first).await["_tag"], "Success");
    assert_eq!(client.exit(&second).await["_tag"], "Success");
    running.stop().await;
}

#[tokio::test]
async fn a_hook_that_panics_refuses_and_hurts_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (running, _, _) = moody(dir.path()).await;
    let mut beside = Client::connect(running.address, "s").await;
    beside.pull(None).await;
    beside.page().await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    let push = client.push(&[event(1, "panic")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Failure");
    let push = client.push(&[event(1, "a")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success", "the connection goes on");
    assert_eq!(numbers(&beside.page().await), [1]);
    let refused = Client::try_connect(running.address, "panic", &[]).await.map(drop);
    assert!(refused.unwrap_err().to_string().contains("503"), "it is told to come again");
    running.stop().await;
}

#[tokio::test]
async fn who_cannot_be_asked_is_not_taken_for_a_no() {
    let dir = tempfile::tempdir().unwrap();
    let (running, gate, moody) = moody(dir.path()).await;
    let mut client = Client::connect(running.address, "s").await;
    client.pull(None).await;
    client.page().await;
    moody.is_away.store(true, Ordering::Relaxed);
    gate.recheck_all();
    assert_eq!(client.close_code().await, Some(1011), "4401 would have the client throw its token away");
    running.stop().await;
}
