//! Many clients at once on the server as a program: nothing is lost, nothing comes twice, and all hold the same log.

use clap::Parser as _;
use livestore_load::{Args, Report, run};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_livestore-server"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir).args(args);
        command.env("LIVESTORE_LOG", "info").env("NO_COLOR", "1").stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.by_ref().map_while(Result::ok).find(|line| line.contains("listening on ws://"));
        let listening = listening.expect("the server says where it listens");
        let address = listening.split("ws://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let address = format!("ws://{address}");
        // What it says later has to go somewhere, or it stops.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn load(server: &Program, args: &str) -> Report {
    let args = ["livestore-load", &server.address].into_iter().chain(args.split_whitespace());
    run(&Args::parse_from(args)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Program::start(dir.path(), &["--synchronous", "normal"]);
    let seconds = if std::env::var_os("CI").is_some() { 5 } else { 1 };
    let clients = "--clients 20 --readers 4 --stores 4 --rate 25 --drain 120";
    let report = load(&server, &format!("{clients} --duration {seconds}")).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.committed > 0 && report.clients == 24, "{report}");
    assert_eq!(report.reconnects, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stop_now_and_then_catch_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Program::start(dir.path(), &["--synchronous", "normal"]);
    let args = "--clients 6 --stalled 2 --stall 1.5 --rate 50 --args-bytes 2000 --duration 2 --drain 120";
    let report = load(&server, args).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.stalled_delivery.is_some(), "{report}");
}
