//! A TypeScript client: a process of Node, driven by lines of JSON.

use crate::bell::Bell;
use crate::client::steps;
use crate::{Client, Note, PATIENCE};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

/// How a TypeScript client is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its client id.
    pub name: String,
    /// `ws` or `http`.
    pub transport: &'static str,
    /// Where it keeps its store; in memory without.
    pub dir: Option<PathBuf>,
    /// Its sync payload.
    pub payload: Option<Value>,
    /// How often it asks whether the server is there, in milliseconds; every ten seconds without.
    pub ping_ms: Option<u64>,
}

impl Setup {
    /// Over a WebSocket, in memory, without a payload.
    #[must_use]
    pub fn ws(name: &str) -> Self {
        Self { name: name.into(), transport: "ws", dir: None, payload: None, ping_ms: None }
    }

    /// Over HTTP, in memory, without a payload.
    #[must_use]
    pub fn http(name: &str) -> Self {
        Self { transport: "http", ..Self::ws(name) }
    }

    /// Keeps its store in a directory.
    #[must_use]
    pub fn dir(self, dir: &Path) -> Self {
        Self { dir: Some(dir.to_owned()), ..self }
    }

    /// Shows a token, as TypeScript clients do.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { payload: Some(json!({ "authToken": token })), ..self }
    }

    /// Asks so often whether the server is there.
    #[must_use]
    pub fn ping_ms(self, ping_ms: u64) -> Self {
        Self { ping_ms: Some(ping_ms), ..self }
    }
}

/// A client that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct TypeScript {
    name: String,
    child: Child,
    stdin: ChildStdin,
    heard: Heard,
    bell: Bell,
    next_id: Cell<u64>,
}

/// What it said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    is_ready: bool,
    /// Every trail that it told, the newest last.
    trails: Vec<String>,
    answers: HashMap<u64, Result<Value, String>>,
    failed: Option<String>,
    is_over: bool,
    /// Everything, for people.
    log: Vec<String>,
}

impl TypeScript {
    pub(crate) fn spawn(project: &Path, url: &str, store_id: &str, setup: &Setup, heard: &Heard, bell: &Bell) -> Self {
        let settings = json!({
            "url": url, "transport": setup.transport, "storeId": store_id, "clientId": setup.name, "dir": setup.dir,
            "payload": setup.payload, "pingMs": setup.ping_ms,
        });
        let mut command = Command::new("node");
        command.arg("client.mjs").arg(without_nulls(settings).to_string()).current_dir(project);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("node starts");
        let stdin = child.stdin.take().expect("it is piped");
        let (out, err) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        for (pipe, is_main) in [(Box::new(out) as Box<dyn Read + Send>, true), (Box::new(err), false)] {
            let (heard, bell) = (heard.clone(), bell.clone());
            thread::spawn(move || listen(pipe, &heard, &bell, is_main));
        }
        Self { name: setup.name.clone(), child, stdin, heard: heard.clone(), bell: bell.clone(), next_id: Cell::new(0) }
    }

    /// Waits until its store is open.
    pub(crate) fn wait_ready(&self) {
        let ready = self.bell.until(Instant::now() + PATIENCE, || {
            let said = self.heard.lock();
            assert!(!said.is_over, "the TypeScript client {} ended before it was ready", self.name);
            said.is_ready.then_some(())
        });
        assert!(ready.is_some(), "the TypeScript client {} was not ready in {PATIENCE:?}", self.name);
    }

    /// Commits events together.
    pub fn commit(&self, events: &Value) {
        self.ask(&json!({ "do": "commit", "events": events }));
    }

    /// Commits each event alone, one behind the other without a pause.
    pub fn commit_each(&self, events: &Value) {
        self.ask(&json!({ "do": "commits", "events": events }));
    }

    /// Adds a note.
    pub fn add(&self, id: &str) {
        self.commit(&json!([["noteAdded", { "id": id, "text": format!("{id} of {}", self.name) }]]));
    }

    /// What it says of its session.
    #[must_use]
    pub fn status(&self) -> Value {
        self.ask(&json!({ "do": "status" }))
    }

    /// Ends in order.
    pub fn quit(mut self) {
        self.ask(&json!({ "do": "quit" }));
        self.child.wait().expect("it ends");
    }

    /// Every state that its application was shown: the events that it had seen, in their order.
    #[must_use]
    pub fn shown(&self) -> Vec<Vec<String>> {
        self.heard.lock().trails.iter().map(|trail| steps(trail)).collect()
    }

    /// Why it failed, when it did.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.heard.lock().failed.clone()
    }

    /// Whether its process has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.heard.lock().is_over
    }

    /// Whether it said this anywhere, in its logs for people too.
    #[must_use]
    pub fn has_said(&self, words: &str) -> bool {
        self.heard.lock().log.iter().any(|line| line.contains(words))
    }

    fn ask(&self, command: &Value) -> Value {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let mut line = command.clone();
        line["id"] = id.into();
        let sent = writeln!(&self.stdin, "{line}");
        let answer = self.bell.until(Instant::now() + PATIENCE, || {
            let mut said = self.heard.lock();
            let answer = said.answers.remove(&id);
            assert!(answer.is_some() || !said.is_over, "the TypeScript client {} ended with {command}", self.name);
            answer
        });
        match answer {
            Some(Ok(value)) => value,
            Some(Err(reason)) => panic!("the TypeScript client {} refuses {command}: {reason}", self.name),
            None => panic!("the TypeScript client {} did not answer {command} ({sent:?}) in {PATIENCE:?}", self.name),
        }
    }
}

impl Client for TypeScript {
    fn name(&self) -> &str {
        &self.name
    }

    fn trail(&self) -> String {
        self.heard.lock().trails.last().cloned().unwrap_or_default()
    }

    fn state(&self) -> String {
        let said = self.heard.lock();
        format!("over: {}, failed: {:?}", said.is_over, said.failed)
    }

    fn notes(&self) -> Vec<Note> {
        let rows: Vec<(String, String, Option<f64>)> =
            serde_json::from_value(self.ask(&json!({ "do": "list" }))).expect("they are notes");
        rows.into_iter().map(|(id, text, value)| Note { id, text, value }).collect()
    }
}

impl Drop for TypeScript {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn text(&self) -> String {
        self.lock().log.join("\n")
    }
}

/// Reads one of its pipes to the end.
fn listen(pipe: Box<dyn Read + Send>, heard: &Heard, bell: &Bell, is_main: bool) {
    for line in BufReader::new(pipe).lines() {
        let Ok(line) = line else { break };
        take(&mut heard.lock(), line);
        bell.ring();
    }
    if is_main {
        heard.lock().is_over = true;
        bell.ring();
    }
}

fn take(said: &mut Said, line: String) {
    // The packages log for people on the same pipe.
    if let Ok(Value::Object(message)) = serde_json::from_str(&line) {
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = message.get("id").and_then(Value::as_u64).unwrap_or(u64::MAX);
        match text("type").as_str() {
            "ready" => said.is_ready = true,
            "state" => said.trails.push(text("trail")),
            "done" => drop(said.answers.insert(id, Ok(message.get("value").cloned().unwrap_or_default()))),
            "refused" => drop(said.answers.insert(id, Err(text("reason")))),
            "failed" => said.failed = Some(text("reason")),
            _ => {}
        }
    }
    said.log.push(line);
}

fn without_nulls(settings: Value) -> Value {
    match settings {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
