//! Who may do what with a server that runs, by a token file and by tokens that another program signed.

use crate::served::Served;
use crate::support::{Data, block_on};
use crate::wire::server::{Client, event, numbers};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio_tungstenite::tungstenite::Error;

/// Connects with a token in the header, or says the status that refuses it.
async fn enter(address: SocketAddr, store_id: &str, token: &str) -> Result<Client, u16> {
    let bearer = format!("Bearer {token}");
    let headers: &[(&'static str, &str)] = if token.is_empty() { &[] } else { &[("authorization", &bearer)] };
    match Client::try_connect(address, store_id, headers).await {
        Ok(client) => Ok(client),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("neither in nor out: {error}"),
    }
}

/// A client with its pull begun: what is in the log is read.
async fn inside(address: SocketAddr, store_id: &str, token: &str) -> (Client, Vec<u64>) {
    let mut client = enter(address, store_id, token).await.unwrap_or_else(|status| panic!("{token}: {status}"));
    client.pull(None).await;
    let page = client.page().await;
    (client, numbers(&page))
}

async fn refused(address: SocketAddr, store_id: &str, token: &str) -> u16 {
    enter(address, store_id, token).await.err().unwrap_or(101)
}

/// Whether a push of this event was taken.
async fn pushed(client: &mut Client, number: u64) -> bool {
    let push = client.push(&[event(number, "a text that is no secret")]).await;
    client.exit(&push).await["_tag"] == "Success"
}

fn put(path: &Path, text: &str) {
    // Whole at once: the server reads it when it likes.
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

#[test]
fn a_token_file_says_who_may_what_and_may_change_meanwhile() {
    let data = Data::new();
    std::fs::create_dir_all(data.path()).unwrap();
    let tokens = data.path().join("tokens");
    let (writer, reader, late) = ("canary-of-the-writer", "canary-of-the-reader", "canary-of-who-comes-late");
    put(&tokens, &format!("{writer} team-* write ada\n{reader} team-* read\nanonymous news read\n"));
    let options = ["--tokens", tokens.to_str().unwrap(), "--recheck-after", "1", "--log", "trace"];
    let mut served = Served::start(&data.path(), &options);
    let address = served.address;
    block_on(async {
        let (mut writing, _) = inside(address, "team-a", writer).await;
        assert!(pushed(&mut writing, 1).await);
        let (mut reading, seen) = inside(address, "team-a", reader).await;
        assert_eq!(seen, [1]);
        assert!(!pushed(&mut reading, 2).await, "it may only read");
        assert!(reading.is_answered().await, "and goes on reading");
        let (mut anonymous, _) = inside(address, "news", "").await;
        assert!(!pushed(&mut anonymous, 1).await);
        assert!(anonymous.is_answered().await, "who needs no token to read goes on reading");
        for (store, token, status) in [
            ("team-a", "", 401),
            ("team-a", "canary-of-a-stranger", 401),
            ("team-a", late, 401),
            ("other", writer, 403),
        ] {
            assert_eq!(refused(address, store, token).await, status, "{store} {token}");
        }

        // A token is withdrawn, another may more, and one is new.
        put(&tokens, &format!("{reader} team-* write\n{late} team-* read\n"));
        assert!(writing.close_code().await.is_some(), "who has no right any more is let go");
        assert_eq!(refused(address, "team-a", writer).await, 401);
        assert!(pushed(&mut reading, 2).await, "it may write now");
        let (_late, seen) = inside(address, "team-a", late).await;
        assert_eq!(seen, [1, 2]);
        assert_eq!(refused(address, "news", "").await, 401, "nobody is let in without a token any more");

        // A mistake in the file leaves the rights as they were, and the log says where it is.
        put(&tokens, &format!("{reader} team-*\n"));
        let line = served.line("the file is not taken");
        assert!(line.contains("tokens") && line.contains("line 1 has 2 fields"), "{line}");
        assert!(pushed(&mut reading, 3).await);
        inside(address, "team-a", late).await;
    });
    let log = served.stop();
    assert!(log.len() > 10 && !log.iter().any(|line| line.contains("canary")), "{log:#?}");
}

fn signed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/keys").join(name)
}

/// Tokens made with `jose`, from npm, which end in the year 2100.
#[test]
fn tokens_that_another_program_signed_are_taken() {
    for (option, key, algorithm) in [
        ("--jwt-secret", "hs256.secret", "hs256"),
        ("--jwt-jwks", "jwks.json", "rs256"),
        ("--jwt-jwks", "jwks.json", "es256"),
    ] {
        let data = Data::new();
        let served = Served::start(&data.path(), &[option, signed(key).to_str().unwrap(), "--log", "trace"]);
        let address = served.address;
        let token = |kind: &str| {
            let token = std::fs::read_to_string(signed(&format!("{algorithm}{kind}.jwt"))).unwrap();
            token.trim().to_owned()
        };
        block_on(async {
            let (mut writing, _) = inside(address, "team-a", &token("")).await;
            assert!(pushed(&mut writing, 1).await, "{algorithm}");
            let (mut reading, seen) = inside(address, "team-a", &token("-read")).await;
            assert_eq!(seen, [1], "{algorithm}");
            assert!(!pushed(&mut reading, 2).await, "{algorithm}");
            assert!(pushed(&mut writing, 2).await, "{algorithm}");
            for (store, token, status) in [
                ("team-a", token("-expired"), 401),
                ("team-a", token("-forged"), 401),
                ("team-a", token("") + "x", 401),
                ("team-a", String::new(), 401),
                ("other", token(""), 403),
            ] {
                assert_eq!(refused(address, store, &token).await, status, "{algorithm} {store} {token}");
            }
        });
        let log = served.stop();
        for kind in ["", "-read", "-expired", "-forged"] {
            let parts = token(kind);
            let is_shown = |line: &String| parts.split('.').any(|part| line.contains(part));
            assert!(log.len() > 10 && !log.iter().any(is_shown), "{algorithm}{kind}: {log:#?}");
        }
        assert_eq!(data.entries("team-a").len(), 2, "{algorithm}");
    }
}
