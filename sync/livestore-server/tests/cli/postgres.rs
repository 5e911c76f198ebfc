//! Logs in PostgreSQL, through the program: several servers on one database, and logs that move between the storages.

use crate::served::Served;
use crate::support::{Data, Ran, block_on, program};
use crate::wire::postgres::Postgres;
use crate::wire::server::{Client, event, numbers};
use std::io::Write as _;
use std::process::Stdio;

const PASSWORD: &str = "canary-of-the-database";

/// The database's address with a password, which the database does not ask for.
fn url(postgres: &Postgres) -> String {
    postgres.url().replacen("postgres@", &format!("postgres:{PASSWORD}@"), 1)
}

fn serve(url: &str) -> Served {
    Served::start_with(&Data::new().path(), &["--log", "trace"], |command| {
        command.env("LIVESTORE_STORAGE", url);
    })
}

/// Runs a command on the database.
fn run(url: &str, args: &[&str], stdin: &str) -> Ran {
    let mut command = program();
    command.args(args).env("LIVESTORE_STORAGE", url);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD), "{ran:?}");
    ran
}

async fn joined(served: &Served, head: u64) -> Client {
    let mut client = Client::connect(served.address, "s").await;
    client.pull(None).await;
    follow(&mut client, 1, head).await;
    client
}

/// Reads events up to one: each once and in order. Those before are its own, which may come behind the answer to their push.
async fn follow(client: &mut Client, from: u64, to: u64) {
    let mut next = from;
    while next <= to {
        for number in numbers(&client.page().await).into_iter().filter(|number| *number >= from) {
            assert_eq!(number, next);
            next += 1;
        }
    }
}

async fn push(client: &mut Client, number: u64) {
    let push = client.push(&[event(number, "a")]).await;
    assert_eq!(client.exit(&push).await["_tag"], "Success", "e{number}");
}

#[test]
fn clients_of_two_servers_on_one_database_follow_each_other() {
    let Some(postgres) = Postgres::start() else { return };
    let url = url(&postgres);
    let [first, second] = [serve(&url), serve(&url)];
    let log = block_on(async {
        let (mut one, mut other) = (joined(&first, 0).await, joined(&second, 0).await);
        for number in [1, 3, 5] {
            push(&mut one, number).await;
            follow(&mut other, number, number).await;
            push(&mut other, number + 1).await;
            follow(&mut one, number + 1, number + 1).await;
        }
        // One of them is stopped, and comes back: it serves what the other stored meanwhile.
        let log = first.stop();
        assert!(one.close_code().await.is_some());
        push(&mut other, 7).await;
        let first = serve(&url);
        let mut one = joined(&first, 7).await;
        push(&mut one, 8).await;
        follow(&mut other, 8, 8).await;
        [log, first.stop()].concat()
    });
    let log = [log, second.stop()].concat();
    assert!(log.len() > 10 && !log.iter().any(|line| line.contains(PASSWORD)), "{log:#?}");
    assert_eq!(run(&url, &["check"], "").succeeded().stdout, "`s` is whole: 8 events\n");
    let stores = run(&url, &["stores", "--json"], "").succeeded().stdout;
    assert!(stores.contains(r#""storeId":"s""#) && stores.contains(r#""head":8"#), "{stores}");
}

#[test]
fn a_log_moves_to_a_database_and_back() {
    let Some(postgres) = Postgres::start() else { return };
    let url = url(&postgres);
    let source = Data::with("notes", 2_345);
    let file = crate::support::run(&source.path(), &["export", "notes"]).succeeded().stdout;
    let ran = run(&url, &["import", "notes", "--keep-backend-id"], &file).succeeded();
    assert_eq!(ran.stderr, "imported 2345 events into `notes`, backend id `backend-of-notes`\n");
    assert_eq!(run(&url, &["check", "notes"], "").succeeded().stdout, "`notes` is whole: 2345 events\n");
    let again = run(&url, &["import", "notes"], &file).succeeded();
    assert!(again.stderr.starts_with("imported 0 events after the 2345 that were there"), "{again:?}");

    // Beside a server that runs, also into a store that it has open.
    let served = serve(&url);
    block_on(async {
        let mut client = Client::connect(served.address, "copy").await;
        client.pull(None).await;
        assert_eq!(numbers(&client.page().await), [0; 0]);
    });
    run(&url, &["import", "copy"], &file).succeeded();
    block_on(async {
        let mut client = Client::connect(served.address, "copy").await;
        client.pull(None).await;
        follow(&mut client, 1, 2_345).await;
        push(&mut client, 2_346).await;
    });
    served.stop();

    let exported = run(&url, &["export", "notes"], "").succeeded();
    assert_eq!(exported.stderr, "exported 2345 events of `notes`, backend id `backend-of-notes`\n");
    assert!(exported.stdout == file, "the same bytes");
    let target = Data::new();
    let (args, stdin) = (["import", "notes", "--keep-backend-id"], exported.stdout.as_bytes());
    crate::support::run_with_stdin(&target.path(), &args, stdin).succeeded();
    assert_eq!(target.entries("notes"), source.entries("notes"));

    run(&url, &["import", "copy"], &file).failed("`copy` has 2346 events already, and the file 2345");
    run(&url, &["export", "other"], "").failed("there is no store `other`");
    block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let gone = client.execute("DELETE FROM livestore_event WHERE store = (SELECT key FROM livestore_store WHERE name = 'notes') AND number = 7", &[]);
        assert_eq!(gone.await.unwrap(), 1);
    });
    let damaged = run(&url, &["check"], "");
    assert_eq!(damaged.code, Some(3), "{damaged:?}");
    assert!(damaged.stdout.contains("`notes` is damaged: e7 of `notes` is missing"), "{damaged:?}");
    assert!(damaged.stdout.contains("`copy` is whole: 2346 events"), "{damaged:?}");
}

#[test]
fn a_database_that_is_away_is_told_in_one_line() {
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:1/postgres");
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["stores"], &["export", "s"], &["import", "s"]]
    {
        run(&url, args, "").failed("");
    }
}
