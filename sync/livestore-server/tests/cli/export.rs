use crate::served::Served;
use crate::support::{Data, block_on, program, run};
use crate::wire::server::{Client, event};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

#[test]
fn a_log_becomes_lines_and_a_file_holds_the_same() {
    let data = Data::with("notes", 10);
    let exported = run(&data.path(), &["export", "notes"]).succeeded();
    let lines: Vec<serde_json::Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[0]["livestore"], "eventlog");
    assert_eq!(lines[0]["version"], 1);
    assert_eq!(lines[0]["head"], 10);
    assert_eq!(lines[1]["by"], "ada");
    assert_eq!(lines[11]["end"]["events"], 10);
    assert_eq!(exported.stderr, "exported 10 events of `notes`, backend id `backend-of-notes`\n");
    // Args stand as they came.
    assert!(exported.stdout.contains(r#""args":null"#), "{}", exported.stdout);
    assert!(exported.stdout.contains(r#"{ \"n\":\n1.0 }"#), "{}", exported.stdout);

    let file = data.path().join("backup.jsonl");
    let file_name = file.to_str().unwrap();
    run(&data.path(), &["export", "notes", "--out", file_name]).succeeded();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported.stdout);
    run(&data.path(), &["export", "notes", "--out", file_name]).failed("is there already: give --replace");
    std::fs::write(&file, "old").unwrap();
    run(&data.path(), &["export", "notes", "--out", file_name, "--replace"]).succeeded();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported.stdout);
}

#[test]
fn an_export_ends_quietly_where_nobody_reads_on() {
    let data = Data::with("notes", 3_000);
    let mut command = program();
    command.args(["export", "notes", "--data"]).arg(data.path()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"livestore\""), "{first}");
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(141), ""));
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let data = Data::with("notes", 10);
    data.damage("DELETE FROM event WHERE body LIKE '%\"seqNum\":7%'");
    let file = data.path().join("backup.jsonl");
    run(&data.path(), &["export", "notes", "--out", file.to_str().unwrap()]).failed("e7 of `notes` is missing");
    run(&data.path(), &["export", "other", "--out", file.to_str().unwrap()]).failed("there is no store `other`");
    let left: Vec<_> = std::fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("backup")), "{left:?}");
}

#[test]
fn a_running_server_goes_on_while_its_logs_are_read() {
    let data = Data::with("notes", 5);
    let served = Served::start(&data.path(), &[]);
    block_on(async {
        let mut client = Client::connect(served.address, "notes").await;
        client.pull(None).await;
        for (number, args) in (6..).zip([&["stores"][..], &["check"], &["export", "notes"]]) {
            run(&data.path(), args).succeeded();
            let push = client.push(&[event(number, "a")]).await;
            assert_eq!(client.exit(&push).await["_tag"], "Success", "{args:?}");
        }
    });
    let exported = run(&data.path(), &["export", "notes"]).succeeded();
    assert!(exported.stderr.contains("exported 8 events"), "also what is in the WAL only: {}", exported.stderr);
    served.stop();
    run(&data.path(), &["check"]).succeeded();
    assert_eq!(run(&data.path(), &["export", "notes"]).succeeded().stdout, exported.stdout);
}
