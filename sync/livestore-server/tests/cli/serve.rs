use crate::served::Served;
use crate::support::{Data, LONG, Ran, block_on, program, run};
use crate::wire::server::{Client, event, numbers};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_tungstenite::tungstenite::Message;

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response)
}

fn write(data: &Data, name: &str, text: &str) -> String {
    std::fs::create_dir_all(data.path()).unwrap();
    let path = data.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_host_may_be_named_and_what_is_no_address_is_told_with_an_example() {
    let data = Data::new();
    let served = Served::start(&data.path(), &["--metrics-listen", "localhost:0"]);
    assert!(served.log.iter().any(|line| line.contains("metrics on http://127.0.0.1:")), "{:#?}", served.log);
    let wrong = run(&data.path(), &["serve", "--listen", "8904"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("for example 127.0.0.1:8904"), "{wrong:?}");
}

#[test]
fn a_token_file_without_a_line_is_warned_of() {
    let data = Data::new();
    let empty = write(&data, "tokens", "# nobody yet\n");
    let served = Served::start(&data.path(), &["--tokens", &empty]);
    assert!(served.log.iter().any(|line| line.contains("nobody can connect")), "{:#?}", served.log);
}

#[test]
fn another_database_is_told_without_its_password() {
    let output = program().args(["stores"]).env("LIVESTORE_STORAGE", "mysql://ada:secret@host/db").output().unwrap();
    let ran = Ran::of(output).failed("`--storage mysql://…` is not known: only postgres:// is");
    assert!(!ran.stderr.contains("secret"), "{ran:?}");
}

#[test]
fn what_cannot_work_is_refused_in_one_line() {
    let data = Data::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let bad = write(&data, "bad", "only-a-token\n");
    let short = write(&data, "short", "short");
    let cases: &[(&[&str], &str)] = &[
        (&["--listen", "0.0.0.0:0"], "is reachable from other machines"),
        (&["--listen", &taken], "cannot listen on"),
        (&["--listen", "127.0.0.1:0", "--metrics-listen", &taken], "cannot listen on"),
        (&["--tokens", "/does/not/exist"], "`/does/not/exist`"),
        (&["--tokens", &bad], "line 1"),
        (&["--jwt-secret", &short], "a secret of 5 bytes, at least 32"),
        (&["--jwt-public-key", &short], "BEGIN PUBLIC KEY"),
        (&["--jwt-jwks", &short], "no JSON object"),
        (&["--connections", "0"], "`connections_max` is 0"),
        (&["--push-rate", "0"], "`connection_pace` is 0"),
        (&["--store-events-max", "0"], "`store_events_max` is 0"),
        (&["--recheck-after", "60"], "at most 19s"),
        (&["--log", "a=b=c"], "`--log a=b=c`"),
    ];
    for (args, why) in cases {
        run(&data.path(), &[&["serve"], *args].concat()).failed(why);
    }
    for args in [
        &["--jwt-secret", "a", "--jwt-jwks", "b"][..],
        &["--jwt-issuer", "x"],
        &["--listen", "here"],
        &["--origin", "not an origin"],
        &["--synchronous", "sometimes"],
    ] {
        assert_eq!(run(&data.path(), &[&["serve"], args].concat()).code, Some(2), "{args:?}");
    }
    assert!(!data.path().join("eventlog.db").exists(), "nothing was begun");
}

#[test]
fn a_storage_that_cannot_be_opened_is_refused_in_one_line() {
    let data = Data::with("notes", 1);
    let served = Served::start(&data.path(), &[]);
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    run(&data.path(), &listen).failed("another server holds");
    served.stop();
    let file = write(&data, "file", "");
    run(file.as_ref(), &listen).failed("cannot make the directory");
    let password = "canary-of-the-database";
    for url in [format!("postgres://me:{password}@127.0.0.1:1/x"), format!("postgres://me:{password}@host:port/x")] {
        let output = program().args(listen).env("LIVESTORE_STORAGE", url).output().unwrap();
        let ran = Ran::of(output).failed("");
        assert!(!ran.stderr.contains(password), "{ran:?}");
    }
    let help = Ran::of(program().args(["serve", "--help"]).env("LIVESTORE_STORAGE", password).output().unwrap());
    assert!(!help.succeeded().stdout.contains(password));
}

#[test]
fn the_server_is_watched_at_an_address_of_its_own() {
    let data = Data::new();
    let served = Served::start(&data.path(), &["--metrics-listen", "127.0.0.1:0"]);
    let told = served.log.iter().find_map(|line| line.split_once("metrics on http://")).unwrap().1;
    let watch: SocketAddr = told.trim_end().trim_end_matches("/metrics").parse().unwrap();
    block_on(async {
        let mut client = Client::connect(served.address, "s").await;
        client.pull(None).await;
        let push = client.push(&[event(1, "a"), event(2, "b")]).await;
        assert_eq!(client.exit(&push).await["_tag"], "Success");
        let push = client.push(&[event(1, "x")]).await;
        assert_eq!(client.exit(&push).await["_tag"], "Failure");
        let (status, metrics) = get(watch, "/metrics");
        assert_eq!(status, 200);
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
        for line in [
            "livestore_connections 1",
            "livestore_stores_open 1",
            "livestore_events_accepted_total 2",
            "livestore_pushes_total{verdict=\"accepted\"} 1",
            "livestore_pushes_total{verdict=\"server_ahead\"} 1",
            "livestore_pushes_total{verdict=\"unknown\"} 0",
            "livestore_requests_total{status=\"1xx\"} 1",
            "livestore_storage_append_seconds_count 1",
            "livestore_storage_append_seconds_bucket{le=\"+Inf\"} 1",
            "livestore_auth_refusals_total{reason=\"forbidden\"} 0",
            "livestore_slow_readers_total 0",
            "livestore_storage_errors_total 0",
            "# TYPE livestore_storage_append_seconds histogram",
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
        }
        for line in ["livestore_bytes_received_total ", "livestore_bytes_sent_total ", "livestore_pull_pages_total "] {
            let value = metrics.lines().find_map(|found| found.strip_prefix(line)).expect(line);
            assert_ne!(value, "0", "{line}");
        }
    });
    for address in [served.address, watch] {
        assert_eq!(get(address, "/healthz").0, 200);
        assert_eq!(get(address, "/readyz").0, 200);
    }
    assert_eq!(get(served.address, "/metrics").0, 400, "strangers see no numbers");
    served.stop();
}

#[test]
fn a_storage_that_fails_is_not_ready() {
    let data = Data::with("notes", 1);
    let served = Served::start(&data.path(), &[]);
    let db = rusqlite::Connection::open(data.path().join("eventlog.db")).unwrap();
    db.execute_batch("ALTER TABLE store RENAME TO hidden").unwrap();
    let listen = served.address.to_string();
    let ready = || Ran::of(program().args(["ready", "--listen", &listen]).output().unwrap());
    ready().failed("is not ready");
    assert_eq!(get(served.address, "/readyz").0, 503);
    assert_eq!(get(served.address, "/healthz").0, 200, "it lives");
    db.execute_batch("ALTER TABLE hidden RENAME TO store").unwrap();
    // What was seen is believed for a second.
    let deadline = std::time::Instant::now() + LONG;
    while ready().code != Some(0) {
        assert!(std::time::Instant::now() < deadline, "it works again");
    }
    served.stop();
    ready().failed("no answer from");
}

fn signed(claims: &serde_json::Value, secret: &str) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let [header, claims] = [header.to_string(), claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{claims}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{tag}")
}

#[test]
fn tokens_of_both_kinds_are_taken_and_none_is_ever_shown() {
    let data = Data::new();
    let secret = "canary-secret-that-signs-the-tokens";
    let (plain, wrong) = ("canary-token-of-the-file", "canary-token-that-is-wrong");
    let tokens = write(&data, "tokens", &format!("{plain} team-* write\nanonymous news read\n"));
    let key = write(&data, "key", secret);
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 600;
    let claims = json!({"sub": "ada", "exp": exp, "stores": ["team-*"], "access": "write", "iss": "canary-issuer"});
    let jwt = signed(&claims, secret);
    for format in ["text", "json"] {
        let served = Served::start(
            &data.path(),
            &[
                "--tokens",
                &tokens,
                "--jwt-secret",
                &key,
                "--jwt-issuer",
                "canary-issuer",
                "--log",
                "trace",
                "--log-format",
                format,
            ],
        );
        block_on(async {
            let address = served.address;
            for token in [plain, &jwt] {
                let bearer = format!("Bearer {token}");
                let mut client = Client::try_connect(address, "team-a", &[("authorization", &bearer)]).await.unwrap();
                client.pull(None).await;
                client.page().await;
                assert!(Client::try_connect(address, "other", &[("authorization", &bearer)]).await.is_err());
            }
            let bearer = format!("Bearer {wrong}");
            assert!(Client::try_connect(address, "team-a", &[("authorization", &bearer)]).await.is_err());
            Client::try_connect(address, "news", &[]).await.unwrap();
        });
        // As TypeScript clients send it.
        for token in [plain, wrong, &jwt] {
            let payload = format!("%7B%22authToken%22%3A%22{token}%22%2C%22more%22%3A%22canary-payload%22%7D");
            for query in [
                format!("/?storeId=team-a&transport=ws&payload={payload}"),
                format!("/?storeId=team-a&transport=http&payload={payload}"),
                format!("/?storeId=team-a&transport=frob&payload={payload}"),
                format!("/?storeId=..&payload={payload}"),
                format!("/canary?payload={payload}&payload="),
            ] {
                let (status, response) = get(served.address, &query);
                assert!((400..500).contains(&status), "{query}: {response}");
                assert!(!response.contains("canary"), "{query}: {response}");
            }
        }
        let log = served.stop();
        assert!(log.len() > 10, "{log:#?}");
        for line in &log {
            let jwt_parts = || jwt.split('.').any(|part| line.contains(part));
            assert!(!line.contains("canary") && !jwt_parts(), "{line}");
            if format == "json" {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
            }
        }
        if format == "text" {
            let refused = log.iter().find(|line| line.contains("somebody is not let in")).unwrap();
            assert!(refused.contains("connection{id="), "{refused}");
        }
    }
    let kept = std::fs::read(data.path().join("eventlog.db")).unwrap();
    assert!(!kept.windows(6).any(|bytes| bytes == b"canary"), "nothing of it is stored");
}

#[test]
fn a_client_can_name_its_connection() {
    let served = Served::start(&Data::new().path(), &[]);
    let (_, response) = get(served.address, "/healthz");
    let id = response.lines().find_map(|line| line.strip_prefix("x-connection-id: ")).unwrap();
    assert_eq!(id.len(), 8);
}

#[test]
fn settings_come_from_the_environment_too() {
    let data = Data::new();
    let tokens = write(&data, "tokens", "a-token-of-somebody team write\n");
    let served = Served::start_with(&data.path(), &[], |command| {
        command.env("LIVESTORE_TOKENS", &tokens).env("LIVESTORE_LOG_FORMAT", "json");
    });
    assert!(served.log.iter().all(|line| line.starts_with('{')), "{:?}", served.log);
    assert_eq!(get(served.address, "/?storeId=team&transport=ws").0, 401);
    served.stop();
}

#[test]
fn a_store_that_is_full_takes_no_more_until_it_may_have_more() {
    let data = Data::new();
    let (mut counts, more) = (Vec::new(), [event(3, "c"), event(4, "d")]);
    for (max, set) in [("3", false), ("4", true)] {
        // Once as an option, once in the environment.
        let args: &[&str] = if set { &[] } else { &["--store-events-max", max] };
        let served = Served::start_with(&data.path(), args, |command| {
            if set {
                command.env("LIVESTORE_STORE_EVENTS_MAX", max);
            }
        });
        block_on(async {
            let mut client = Client::connect(served.address, "s").await;
            client.pull(None).await;
            if !set {
                let push = client.push(&[event(1, "a"), event(2, "b")]).await;
                assert_eq!(client.exit(&push).await["_tag"], "Success");
                let push = client.push(&more).await;
                let exit = client.exit(&push).await.to_string();
                assert!(exit.contains("the store may have 3 events, and is full"), "{exit}");
            } else {
                let push = client.push(&more).await;
                assert_eq!(client.exit(&push).await["_tag"], "Success");
                let push = client.push(&[event(5, "e")]).await;
                let exit = client.exit(&push).await.to_string();
                assert!(exit.contains("the store may have 4 events, and is full"), "{exit}");
            }
        });
        served.stop();
        counts.push(data.entries("s").len());
    }
    assert_eq!(counts, [2, 4], "whole pushes or nothing");
}

#[test]
fn a_server_that_is_stopped_says_goodbye_and_begins_again_where_it_was() {
    let data = Data::new();
    let mut head = 0;
    for signal in ["-TERM", "-INT"] {
        let served = Served::start(&data.path(), &[]);
        let was_told = block_on(async {
            let mut client = Client::connect(served.address, "s").await;
            client.pull(None).await;
            assert_eq!(numbers(&client.page().await), (1..=head).collect::<Vec<_>>());
            let push = client.push(&[event(head + 1, "a")]).await;
            assert_eq!(client.exit(&push).await["_tag"], "Success");
            let url = format!("ws://{}/?storeId=s&transport=ws", served.address);
            let (mut other, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            // One more is under way: whatever is said of it has to be true.
            let push = client.push(&[event(head + 2, "b")]).await;
            served.signal(signal);
            let close = loop {
                match tokio::time::timeout(LONG, other.next()).await.unwrap() {
                    Some(Ok(Message::Close(frame))) => break frame.unwrap(),
                    Some(Ok(_)) => {}
                    ended => panic!("no goodbye: {ended:?}"),
                }
            };
            assert_eq!(u16::from(close.code), 1001);
            let mut was_told = false;
            while let Some(frame) = client.receive().await {
                was_told |= frame["requestId"] == push.as_str() && frame["exit"]["_tag"] == "Success";
            }
            was_told
        });
        let (code, log, stdout) = served.ended();
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{log:#?}");
        let stored = data.entries("s").len() as u64;
        assert!(stored == head + 2 || (stored == head + 1 && !was_told), "{stored} after {head}: {was_told}");
        head = stored;
        run(&data.path(), &["check"]).succeeded();
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let data = Data::new();
    let mut served = Served::start(&data.path(), &[]);
    // A request that does not come to its end holds the shutdown up.
    let mut stream = TcpStream::connect(served.address).unwrap();
    let head =
        "POST /?storeId=s&transport=http HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so it waits for it.
    stream.read_exact(&mut [0; 12]).unwrap();
    served.signal("-INT");
    served.line("stopping");
    served.signal("-INT");
    let (code, log, _) = served.ended();
    assert_eq!(code, Some(130), "{log:#?}");
}

#[test]
fn the_readme_names_every_option_and_every_metric() {
    let readme = include_str!("../../README.md");
    for command in ["serve", "stores", "export", "import", "check", "ready"] {
        let help = Ran::of(program().args([command, "--help"]).output().unwrap()).succeeded().stdout;
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && *word != "--help");
        for option in options.filter(|option| !option.starts_with("--version")) {
            assert!(readme.contains(&format!("`{option}")), "{option} of `{command}`");
        }
    }
    let served = Served::start(&Data::new().path(), &["--metrics-listen", "127.0.0.1:0"]);
    let told = served.log.iter().find_map(|line| line.split_once("metrics on http://")).unwrap().1;
    let watch: SocketAddr = told.trim_end().trim_end_matches("/metrics").parse().unwrap();
    for line in get(watch, "/metrics").1.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(readme.contains(&format!("`{name}")), "{name}");
    }
    served.stop();
}
