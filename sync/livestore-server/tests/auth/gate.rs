//! Hooks that fail, hang or talk too much.

use crate::support::{Place, at, enter, status};
use livestore_server::auth::{
    Authenticator, Authorizer, ConnectInfo, EventValidator, EventVerdict, Gate, HookFuture, Operation, Principal,
    Refusal,
};
use livestore_server::limits::ServerLimits;
use livestore_sync_protocol::Event;
use std::sync::Arc;
use std::time::Duration;

/// Hooks that do what the token says.
#[derive(Debug)]
struct Obedient;

impl Authenticator for Obedient {
    fn authenticate<'a>(&'a self, connect: &'a ConnectInfo<'a>) -> HookFuture<'a, Result<Principal, Refusal>> {
        Box::pin(async move {
            let token = connect.token().map_or("", |token| token.reveal());
            match token {
                "hang" => std::future::pending().await,
                "tell" => Err(Refusal::forbidden(format!("`{token}` is not welcome"))),
                "expire" => Ok(Principal::named("ada").expiring_at(at(5))),
                name => Ok(Principal::named(name)),
            }
        })
    }
}

impl Authorizer for Obedient {
    fn authorize<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        operation: Operation,
    ) -> HookFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            match (store_id, operation) {
                ("hang", _) => std::future::pending().await,
                ("down", Operation::Write) => Err(Refusal::unavailable("no connection")),
                ("tell", _) => Err(Refusal::forbidden(format!("{principal:?} wants the token tell-me"))),
                _ => Ok(()),
            }
        })
    }
}

impl EventValidator for Obedient {
    fn validate<'a>(
        &'a self,
        principal: &'a Principal,
        store_id: &'a str,
        event: &'a Event,
    ) -> HookFuture<'a, Result<EventVerdict, Refusal>> {
        Box::pin(async move {
            match event.name.as_str() {
                "hang" => std::future::pending().await,
                "down" => Err(Refusal::unavailable("no connection")),
                "bad" => Ok(EventVerdict::Reject { reason: format!("{:?} {store_id}", principal.name()) }),
                "long" => Ok(EventVerdict::Reject { reason: format!("a{}", "é".repeat(1_000)) }),
                _ => Ok(EventVerdict::Accept),
            }
        })
    }
}

fn gate() -> Gate {
    Gate::new(Arc::new(Obedient), &ServerLimits::default()).with_validator(Arc::new(Obedient))
}

fn event(name: &str, number: u64) -> Event {
    let (name, client_id, session_id) = (name.into(), "c".into(), "s".into());
    Event { name, args: None, number, parent: number - 1, client_id, session_id, id: None, rest: None }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_says_no_in_time() {
    let gate = gate();
    let began = tokio::time::Instant::now();
    for (token, store) in [("hang", "s"), ("ada", "hang")] {
        assert_eq!(status(&enter(&gate, Some(token), Place::Payload, store, at(0)).await), 503);
    }
    let pass = enter(&gate, Some("ada"), Place::Payload, "s", at(0)).await.unwrap();
    assert_eq!(status(&gate.validate(&pass, &[event("hang", 1)]).await), 503);
    assert_eq!(began.elapsed().as_secs(), 30, "of the paused clock");
}

#[tokio::test]
async fn a_hook_that_is_down_says_no() {
    let gate = gate();
    let mut pass = enter(&gate, Some("ada"), Place::Payload, "down", at(0)).await.unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 503);
    assert_eq!(status(&gate.validate(&pass, &[event("good", 1), event("down", 2)]).await), 503);
}

#[tokio::test]
async fn a_hook_that_tells_the_token_is_not_heard() {
    for (token, store) in [("tell", "s"), ("tell-me", "tell")] {
        let refusal = enter(&gate(), Some(token), Place::Header, store, at(0)).await.unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains(token), "{refusal:?}");
        assert_eq!(refusal.public(), (403, "not allowed"));
    }
}

#[tokio::test]
async fn an_expired_credential_ends_an_open_connection() {
    let gate = gate();
    let mut pass = enter(&gate, Some("expire"), Place::Payload, "s", at(0)).await.unwrap();
    assert_eq!(pass.check_at(), at(5), "before the next ordinary check");
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(5) - Duration::from_nanos(1)).await), 200);
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(5)).await), 401);
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(5)).await), 401);
    assert_eq!(status(&enter(&gate, Some("expire"), Place::Payload, "s", at(5)).await), 401);
}

#[tokio::test]
async fn the_first_rejected_event_is_named() {
    let gate = gate();
    let pass = enter(&gate, Some("ada"), Place::Payload, "s", at(0)).await.unwrap();
    assert_eq!(gate.validate(&pass, &[]).await, Ok(None));
    assert_eq!(gate.validate(&pass, &[event("good", 1), event("good", 2)]).await, Ok(None));
    let rejected = gate.validate(&pass, &[event("good", 7), event("bad", 8), event("hang", 9)]).await.unwrap().unwrap();
    assert_eq!((rejected.index, rejected.number, rejected.reason.as_str()), (1, 8, r#"Some("ada") s"#));
    let long = gate.validate(&pass, &[event("long", 1)]).await.unwrap().unwrap().reason;
    assert_eq!(long.len(), 1_023, "cut between characters");
}

#[tokio::test]
async fn without_authentication_everybody_is_nobody() {
    let gate = Gate::without_auth(&ServerLimits::default());
    assert!(!gate.has_auth());
    let mut pass = enter(&gate, Some("anything"), Place::Both, "s", at(0)).await.unwrap();
    assert_eq!((pass.principal().name(), pass.store_id()), (None, "s"));
    assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 200);
    assert_eq!(gate.validate(&pass, &[event("bad", 1)]).await, Ok(None));
}

#[tokio::test]
async fn all_can_be_asked_again_at_once() {
    let gate = gate();
    let mut rechecks = gate.rechecks();
    assert!(!rechecks.has_changed().unwrap());
    gate.clone().recheck_all();
    rechecks.changed().await.unwrap();
    let pass = enter(&gate, Some("ada"), Place::Payload, "s", at(10)).await.unwrap();
    assert!(!pass.is_check_due(at(10)) && pass.is_check_due(at(9)), "a clock that was set back");
}
