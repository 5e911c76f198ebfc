//! An uplink with a clock, and inputs and outputs as text.

use super::super::{Facts, Uplink, UplinkInput, UplinkOptions, UplinkOutput, UplinkState};
use crate::sync::{BackendId, PageInfo, PushRefusal, SyncError, SyncEvent, SyncMessage, SyncPage, SyncRequest};
use std::time::Duration;

pub(super) struct Bench {
    pub(super) uplink: Uplink,
    pub(super) facts: Facts,
    pub(super) now: Duration,
}

impl Bench {
    pub(super) fn new(head: u64, pending: usize) -> Self {
        let facts = Facts { head, backend_id: Some(BackendId::new("b")), pending };
        Self { uplink: Uplink::new(UplinkOptions::default(), 7), facts, now: Duration::from_secs(100) }
    }

    /// Connected and caught up; with something pending, the push is ordered.
    pub(super) fn live(head: u64, pending: usize) -> Self {
        let mut bench = Self::new(head, pending);
        bench.run("tick");
        bench.run("connected");
        bench.run(&format!("page {head}..{head}"));
        bench
    }

    #[track_caller]
    pub(super) fn check(&mut self, input: &str, expected: &str) {
        assert_eq!(self.run(input), expected, "after `{input}`");
        let deadline = self.uplink.deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "it waits for what has passed after `{input}`");
    }

    pub(super) fn run(&mut self, input: &str) -> String {
        let (word, rest) = input.split_once(' ').unwrap_or((input, ""));
        if word == "wait" {
            self.now += Duration::from_secs(number(rest));
        }
        if word == "applied" {
            self.facts.head = number(rest);
        }
        let outputs = self.uplink.step(parse(word, rest), &self.facts, self.now);
        outputs.iter().map(show).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn wait_for_retry(&mut self) {
        self.now = self.uplink.status().next_retry.expect("it waits");
        self.check("tick", "connect");
    }

    pub(super) fn status(&self) -> String {
        let status = self.uplink.status();
        let state = match status.state {
            UplinkState::Connecting => "connecting".into(),
            UplinkState::CatchingUp { done, total } => format!("catching up {done} of {total:?}"),
            UplinkState::Live => "live".into(),
            UplinkState::Waiting { .. } => "waiting".into(),
            UplinkState::Stopped => "stopped".to_owned(),
        };
        status.last_error.map_or(state.clone(), |error| format!("{state}: {error}"))
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn range(text: &str) -> (u64, u64) {
    let (first, last) = text.split_once("..").expect("a range");
    (number(first), number(last))
}

fn parse(word: &str, rest: &str) -> UplinkInput {
    let reason = rest.to_owned();
    UplinkInput::Message(match word {
        "tick" | "wait" => return UplinkInput::Tick,
        "applied" => return UplinkInput::Applied,
        "failed" => return UplinkInput::ApplyFailed,
        "new" => return UplinkInput::NewPending,
        "nothing" => return UplinkInput::NothingSent,
        "restart" => return UplinkInput::Restart,
        "hurry" => return UplinkInput::Hurry,
        "stop" => return UplinkInput::Stop,
        "sent" => {
            let (first, last) = range(rest);
            return UplinkInput::PushSent { first, last };
        }
        "page" => SyncMessage::Page(page(rest)),
        "other" => SyncMessage::Page(SyncPage { backend_id: BackendId::new(rest), ..page("") }),
        "connected" => SyncMessage::Connected,
        "pushed" => SyncMessage::Pushed,
        "pong" => SyncMessage::Pong,
        "moving" => SyncMessage::Moving,
        "ahead" => SyncMessage::PushRefused(PushRefusal::ServerAhead { head: number(rest) }),
        "rejected" => SyncMessage::PushRefused(PushRefusal::Rejected { number: number(rest), reason: String::new() }),
        "busy" => SyncMessage::PushRefused(PushRefusal::Busy { reason }),
        "offline" => SyncMessage::Disconnected(SyncError::Offline { reason }),
        "unauthorized" => SyncMessage::Disconnected(SyncError::Unauthorized { reason }),
        other => panic!("`{other}` is no input"),
    })
}

/// `6..7`, `6..7 more`, nothing, or `at 3` for nothing from a log that ends there.
pub(super) fn page(text: &str) -> SyncPage {
    let head = text.strip_prefix("at ").map(number);
    let bounds = text.split(' ').next().filter(|text| text.contains("..")).map(range);
    let events = bounds.into_iter().flat_map(|(first, last)| first..=last).map(event).collect();
    let info = if text.ends_with("more") { PageInfo::MoreUnknown } else { PageInfo::Last };
    SyncPage { backend_id: BackendId::new("b"), keeps_identity: true, events, info, head }
}

fn event(number: u64) -> SyncEvent {
    let (client_id, session_id) = (String::new(), String::new());
    SyncEvent { number, parent: number - 1, name: "A".into(), args: None, client_id, session_id, id: None, rest: None }
}

fn show(output: &UplinkOutput) -> String {
    match output {
        UplinkOutput::Connect => "connect".into(),
        UplinkOutput::Disconnect => "disconnect".into(),
        UplinkOutput::Send(SyncRequest::Pull { after, .. }) => format!("pull {after}"),
        UplinkOutput::Send(SyncRequest::Ping) => "ping".into(),
        UplinkOutput::Send(SyncRequest::Push { .. }) => "a push of its own".into(),
        UplinkOutput::Push => "push".into(),
        UplinkOutput::Compare { events, .. } => format!("compare {}", bounds(events)),
        UplinkOutput::Apply(page) => format!("apply {}", bounds(&page.events)),
        UplinkOutput::Attach { found } => format!("attach {found}"),
        UplinkOutput::OtherBackend { found } => format!("other {found}"),
        UplinkOutput::Behind { head } => format!("behind {head}"),
        UplinkOutput::Reject { number, .. } => format!("reject {number}"),
    }
}

fn bounds(events: &[SyncEvent]) -> String {
    let first = events.first().map_or(0, |event| event.number);
    format!("{first}..{}", events.last().map_or(0, |event| event.number))
}
