//! Every principal × store × place of the token × operation × moment, against what is expected of each; and no token in anything
//! that is printed.

use crate::sign::{SECRET, claims, hs256, token};
use crate::support::{Captured, PLACES, Place, at, enter, status};
use livestore_server::auth::{
    Authenticator, Authorizer, ConnectInfo, FirstOf, Gate, JwtAuth, JwtKeys, Operation, Pass, RequestHeaders, Token,
    TokenFile,
};
use livestore_server::limits::ServerLimits;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// When something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// At once.
    Connect,
    /// On a connection that is open for a while.
    Open,
    /// After the credential has ended.
    Expired,
    /// After the credential was withdrawn.
    Revoked,
}

const MOMENTS: [Moment; 4] = [Moment::Connect, Moment::Open, Moment::Expired, Moment::Revoked];

/// Stores: of the team, open to all, somebody else's, two that look like the team's, and one that nobody ever named.
const STORES: [&str; 6] = ["team-1", "news", "other", "Team-1", "team_1", "never-made"];

const OPERATIONS: [Operation; 3] = [Operation::Read, Operation::Write, Operation::Admin];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Writer,
    Reader,
    Other,
    Nobody,
    Forger,
    Late,
}

const ALL: [Who; 6] = [Who::Writer, Who::Reader, Who::Other, Who::Nobody, Who::Forger, Who::Late];

/// One way to authenticate: a file that is changed to withdraw everything, and a token for everybody.
struct Way {
    path: PathBuf,
    before: String,
    after: String,
    gate: Gate,
    token: fn(Who) -> Option<String>,
    /// Whether store `news` is open to who has no token.
    has_anonymous: bool,
    /// Whether its credentials end.
    expires: bool,
}

fn gate<A: Authenticator + Authorizer>(auth: A) -> Gate {
    Gate::new(Arc::new(auth), &ServerLimits::default())
}

fn file_token(who: Who) -> Option<String> {
    (who != Who::Nobody).then(|| format!("CANARY-token-of-{who:?}"))
}

fn files(dir: &Path) -> Way {
    let path = dir.join("tokens");
    let line = |who, rest: &str| format!("{} {rest}\n", file_token(who).unwrap());
    let after = "anonymous news read\n".to_owned();
    let before = after.clone()
        + &line(Who::Writer, "team-* write writer")
        + &line(Who::Reader, "team-* read")
        + &line(Who::Other, "other write # else");
    std::fs::write(&path, &before).unwrap();
    let gate = gate(TokenFile::open(&path).unwrap().believed_for(Duration::ZERO));
    Way { path, before, after, gate, token: file_token, has_anonymous: true, expires: false }
}

fn signed_token(who: Who) -> Option<String> {
    match who {
        Who::Writer => Some(token(&claims("writer", "team-*", "write", 60))),
        Who::Reader => Some(token(&claims("reader", "team-*", "read", 60))),
        Who::Other => Some(token(&claims("other", "other", "write", 60))),
        Who::Nobody => None,
        Who::Forger => {
            let header = serde_json::json!({"alg": "HS256"});
            Some(hs256(&header, &claims("writer", "*", "write", 60), b"not the secret"))
        }
        Who::Late => {
            let claims = serde_json::json!({"sub": "late", "exp": 1_763_999_970, "stores": ["*"], "access": "write"});
            Some(token(&claims))
        }
    }
}

fn signed(dir: &Path) -> Way {
    let path = dir.join("secret");
    std::fs::write(&path, SECRET).unwrap();
    let gate = gate(JwtAuth::open(JwtKeys::Secret(path.clone())).unwrap().believed_for(Duration::ZERO));
    let after = SECRET.chars().rev().collect();
    Way { path, before: SECRET.into(), after, gate, token: signed_token, has_anonymous: false, expires: true }
}

/// What is expected, said without any of the code under test.
fn expected(way: &Way, who: Who, store: &str, operation: Operation, moment: Moment) -> u16 {
    let is_open = way.has_anonymous && store == "news";
    let (read, write) = match (who, store) {
        (Who::Writer, "team-1") | (Who::Other, "other") => (true, true),
        (Who::Reader, "team-1") => (true, false),
        _ => (is_open, false),
    };
    let is_known = matches!(who, Who::Writer | Who::Reader | Who::Other);
    let refused = if is_known { 403 } else { 401 };
    let has_token_that_is_wrong = matches!(who, Who::Forger | Who::Late);
    if has_token_that_is_wrong || !read {
        return refused;
    }
    let ended = (moment == Moment::Expired && way.expires) || moment == Moment::Revoked;
    if ended && is_known {
        return 401;
    }
    let may = match operation {
        Operation::Read => read,
        Operation::Write => write,
        Operation::Admin => false,
    };
    if may { 200 } else { refused }
}

/// What happens, and everything that could be printed on the way.
async fn happens(
    way: &Way,
    who: Who,
    place: Place,
    store: &str,
    operation: Operation,
    moment: Moment,
) -> (u16, String) {
    let token = (way.token)(who);
    let mut pass = match enter(&way.gate, token.as_deref(), place, store, at(0)).await {
        Ok(pass) => pass,
        Err(refusal) => return (refusal.public().0, format!("{refusal} {refusal:?} {:?}", refusal.public())),
    };
    let now = match moment {
        Moment::Connect => at(0),
        Moment::Open | Moment::Revoked => at(25),
        Moment::Expired => at(90),
    };
    if moment == Moment::Revoked {
        std::fs::write(&way.path, &way.after).unwrap();
    }
    let result = way.gate.check(&mut pass, operation, now).await;
    if moment == Moment::Revoked {
        std::fs::write(&way.path, &way.before).unwrap();
    }
    (status(&result), format!("{pass:?} {result:?} {:?}", result.as_ref().map_err(ToString::to_string)))
}

#[tokio::test]
async fn every_case_is_as_expected_and_shows_no_token() {
    let (captured, _guard) = Captured::start();
    let dir = tempfile::tempdir().unwrap();
    let (mut cells, mut allowed, mut printed) = (0, 0, String::new());
    for way in [files(dir.path()), signed(dir.path())] {
        printed += &format!("{:?}", way.gate);
        for who in ALL {
            for place in PLACES {
                for store in STORES {
                    for operation in OPERATIONS {
                        for moment in MOMENTS {
                            let cell = (who, place, store, operation, moment, way.expires);
                            let (status, shown) = happens(&way, who, place, store, operation, moment).await;
                            assert_eq!(status, expected(&way, who, store, operation, moment), "{cell:?}: {shown}");
                            (cells, allowed) = (cells + 1, allowed + u32::from(status == 200));
                            printed += &shown;
                        }
                    }
                }
            }
        }
    }
    // Something has to be in the log, or its silence says nothing.
    std::fs::write(dir.path().join("tokens"), "CANARY-broken\n").unwrap();
    let file = TokenFile::open(dir.path().join("tokens")).unwrap_err();
    printed += &format!("{file} {file:?} {}", captured.text());
    assert_eq!(cells, 2 * 6 * 3 * 6 * 3 * 4);
    assert!(allowed > 100, "{allowed} of {cells}");
    for who in ALL {
        for token in [file_token(who), signed_token(who)].into_iter().flatten() {
            let end = &token[token.len() - 12..];
            assert!(!printed.contains(end), "a token of {who:?} is shown");
        }
    }
    assert!(!printed.contains("CANARY"), "a token is shown");
    assert!(!printed.contains(SECRET), "the key is shown");
}

#[tokio::test]
async fn a_store_that_is_not_there_and_one_that_is_not_theirs_are_answered_alike() {
    let dir = tempfile::tempdir().unwrap();
    for way in [files(dir.path()), signed(dir.path())] {
        for who in ALL {
            let token = (way.token)(who);
            let mut refusals = Vec::new();
            for store in ["other-2", "never-made", "TEAM-1"] {
                refusals.push(enter(&way.gate, token.as_deref(), Place::Header, store, at(0)).await.unwrap_err());
            }
            assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{who:?}: {refusals:?}");
        }
    }
}

#[tokio::test]
async fn two_ways_beside_each_other_keep_to_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let (files, signed) = (files(dir.path()), signed(dir.path()));
    let file = TokenFile::open(&files.path).unwrap().believed_for(Duration::ZERO);
    let jwt = JwtAuth::open(JwtKeys::Secret(signed.path.clone())).unwrap().believed_for(Duration::ZERO);
    let (file, jwt) = (Arc::new(file), Arc::new(jwt));
    let orders = [FirstOf::default().or(Arc::clone(&file)).or(Arc::clone(&jwt)), FirstOf::default().or(jwt).or(file)];
    for order in orders {
        let gate = gate(order);
        for (way, who, store) in
            ALL.iter().flat_map(|who| STORES.map(|store| [(&files, *who, store), (&signed, *who, store)])).flatten()
        {
            let by_one = enter(&way.gate, (way.token)(who).as_deref(), Place::Header, store, at(0)).await;
            let by_both = enter(&gate, (way.token)(who).as_deref(), Place::Header, store, at(0)).await;
            // Who comes without a token is the file's.
            let expected = if who == Who::Nobody { 401 - 201 * u16::from(store == "news") } else { status(&by_one) };
            assert_eq!(status(&by_both), expected, "{who:?} at {store}: {by_both:?}");
            let name = |pass: &Pass| pass.principal().name().map(str::to_owned);
            assert!(who == Who::Nobody || by_one.map(|pass| name(&pass)).ok() == by_both.map(|pass| name(&pass)).ok());
        }
        let token = (signed.token)(Who::Reader);
        let mut pass = enter(&gate, token.as_deref(), Place::Payload, "team-1", at(0)).await.unwrap();
        assert_eq!(pass.check_at(), at(10));
        assert_eq!(status(&gate.check(&mut pass, Operation::Write, at(1)).await), 403);
        assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(90)).await), 401, "it ends with the token");
        std::fs::write(&signed.path, &signed.after).unwrap();
        assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 401, "its key was withdrawn");
        std::fs::write(&signed.path, &signed.before).unwrap();
    }
    assert_eq!(status(&enter(&gate(FirstOf::default()), None, Place::Header, "news", at(0)).await), 401);
}

#[tokio::test]
async fn nothing_that_holds_a_token_prints_it() {
    let (captured, _guard) = Captured::start();
    let bearer = [("authorization", "Bearer CANARY"), ("cookie", "session=CANARY"), ("x-key", "CANARY")];
    let headers = RequestHeaders::new(bearer);
    let payload = livestore_sync_protocol::RawJson::new(r#"{"authToken":"CANARY"}"#).unwrap();
    let connect = ConnectInfo::new("s", Some(&payload), &headers, [127, 0, 0, 1].into(), at(0)).unwrap();
    tracing::error!(?connect, ?headers, token = %connect.token().unwrap(), "here");
    let shown = captured.text();
    assert!(shown.contains("here") && shown.contains("Token(…)"), "the log is captured: {shown}");
    let debug = format!("{connect:?} {:#?} {headers:?} {:?} {}", connect, connect.token(), Token::new("CANARY"));
    assert!(!(shown + &debug).contains("CANARY"), "{debug}");
}
