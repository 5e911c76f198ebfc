//! What a leader and the processes that follow it say to each other: a length (u32, little-endian), then JSON.

use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::eventlog::LogHead;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::leader::{Accepted, Dropped, Judged, News, Published, Verdict};
use crate::sync::SyncStatus;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Both sides must speak the same; they usually are the same program.
pub(super) const PROTOCOL: u32 = 3;
/// A group of the largest size, with every character of its payloads escaped, fits.
const FRAME_MAX: usize = 16 << 20;
const GREETING_MAX: usize = 4 << 10;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum ToLeader {
    Hello {
        protocol: u32,
        token: String,
        schema: String,
        fingerprint: String,
    },
    /// Asks for all groups after this place, and after this count of what ever was pending.
    Feed {
        generation: u64,
        after: u64,
        seq: u64,
    },
    /// Somebody waits for the backend.
    HurrySync,
    Submit {
        groups: Vec<Group>,
    },
    Sync {
        id: u64,
    },
    Ping,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum ToFollower {
    /// With the answer that only who wrote `leader.json` knows besides.
    Welcome {
        answer: String,
        state_file: String,
        generation: u64,
        sync: Box<SyncStatus>,
    },
    /// The store is open with another schema.
    OtherSchema {
        schema: String,
    },
    Refused {
        reason: String,
    },
    News {
        news: Vec<NewsItem>,
    },
    /// The log survives a power loss up to here.
    Synced {
        place: u64,
        seq: u64,
    },
    SyncStatus {
        status: Box<SyncStatus>,
    },
    SyncDone {
        id: u64,
        error: Option<String>,
    },
    /// The leader is there; and what troubles it, if anything.
    Pong {
        trouble: Option<String>,
    },
}

/// What a session is told, for one in another process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum NewsItem {
    Confirmed(PublishedGroup),
    Accepted { group: Group, seq: u64 },
    Dropped { id: EventId, place: u64, reason: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    nonce: [u8; 11],
    ordinal: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offsets: Option<Box<[u32]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<EventId>,
    client_id: String,
    session_id: String,
    events: Vec<Event>,
}

/// Name, whether it is client-only, args.
#[derive(Debug, Serialize, Deserialize)]
struct Event(String, bool, Option<Box<str>>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedGroup {
    group: Group,
    place: u64,
    global: u64,
    client: u64,
    quarantined: Option<String>,
}

impl Group {
    pub(super) fn of(group: &CommitGroup) -> Self {
        let event = |event: &EncodedEvent| Event(event.name.to_string(), event.client_only, event.args.clone());
        Self {
            nonce: group.nonce.0,
            ordinal: group.ordinal,
            offsets: group.offsets.clone(),
            was: group.was,
            client_id: group.client_id.to_string(),
            session_id: group.session_id.to_string(),
            events: group.events.iter().map(event).collect(),
        }
    }

    /// `None` where the group is none that a session can have committed.
    pub(super) fn into_group(self) -> Option<CommitGroup> {
        let ordinal_max = EventId::ORDINAL_MAX - CommitGroup::EVENTS_MAX as u64;
        let is_group = (1..=CommitGroup::EVENTS_MAX).contains(&self.events.len())
            && (1..=ordinal_max).contains(&self.ordinal)
            && self.offsets.as_ref().is_none_or(|offsets| offsets.len() == self.events.len());
        let event = |Event(name, client_only, args)| EncodedEvent { name: Cow::Owned(name), client_only, args };
        is_group.then(|| CommitGroup {
            nonce: JournalNonce(self.nonce),
            ordinal: self.ordinal,
            offsets: self.offsets,
            was: self.was,
            client_id: ClientId::from_stored(&self.client_id),
            session_id: SessionId::from_stored(&self.session_id),
            events: self.events.into_iter().map(event).collect(),
        })
    }
}

/// What a follower hears of the log, taken apart by kind.
pub(super) enum Heard {
    Confirmed(Judged),
    Accepted(Accepted),
    Dropped(Dropped),
}

impl NewsItem {
    /// `None` for what only sessions of the leader's own process are told.
    pub(super) fn of(news: &News) -> Option<Self> {
        match news {
            News::Confirmed(published) => Some(Self::Confirmed(PublishedGroup::of(published))),
            News::Accepted(Accepted { group, seq }) => Some(Self::Accepted { group: Group::of(group), seq: *seq }),
            News::Dropped(Dropped { id, place, reason }) => {
                Some(Self::Dropped { id: *id, place: *place, reason: reason.to_string() })
            }
            News::Restart(_) => None,
        }
    }

    /// `None` where it holds what is no commit group.
    pub(super) fn into_heard(self) -> Option<Heard> {
        Some(match self {
            Self::Confirmed(published) => Heard::Confirmed(published.into_judged()?),
            Self::Accepted { group, seq } => Heard::Accepted(Accepted { group: Arc::new(group.into_group()?), seq }),
            Self::Dropped { id, place, reason } => Heard::Dropped(Dropped { id, place, reason: reason.into() }),
        })
    }
}

impl PublishedGroup {
    pub(super) fn of(published: &Published) -> Self {
        Self {
            group: Group::of(&published.group),
            place: published.place,
            global: published.number.global,
            client: published.number.client,
            quarantined: match &published.verdict {
                Verdict::Applied => None,
                Verdict::Quarantined(reason) => Some(reason.to_string()),
            },
        }
    }

    pub(super) fn into_judged(self) -> Option<Judged> {
        let number = SequenceNumber { global: self.global, client: self.client, rebase_generation: 0 };
        Some(Judged {
            group: Arc::new(self.group.into_group()?),
            head: LogHead { place: self.place, number },
            verdict: self.quarantined.map_or(Verdict::Applied, |reason| Verdict::Quarantined(reason.into())),
        })
    }
}

pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let len = bytes.len() - 4;
    if len > FRAME_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {len} bytes is too large")));
    }
    bytes[..4].copy_from_slice(&(len as u32).to_le_bytes());
    to.write_all(&bytes)
}

/// The next message; an error of kind `UnexpectedEof` where the other side is gone.
pub(super) fn read<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<M> {
    read_at_most(FRAME_MAX, from)
}

/// The same, of somebody who has not said yet who it is.
pub(super) fn read_greeting<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<M> {
    read_at_most(GREETING_MAX, from)
}

fn read_at_most<M: DeserializeOwned>(len_max: usize, from: &mut impl Read) -> io::Result<M> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len) as usize;
    if len > len_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {len} bytes is too large")));
    }
    // Grows as bytes come: a length alone allocates nothing.
    let mut bytes = Vec::new();
    from.take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> CommitGroup {
        let event = |name: &'static str, client_only, args: Option<&str>| EncodedEvent {
            name: Cow::Borrowed(name),
            client_only,
            args: args.map(Into::into),
        };
        CommitGroup {
            nonce: JournalNonce([7; 11]),
            ordinal: 5,
            offsets: Some([0, 3].into()),
            was: None,
            client_id: ClientId::from_stored("abcdef"),
            session_id: SessionId::from_stored("0123456789012345678901"),
            events: vec![event("v1.A", false, Some("{\"a\":\"\u{1f600}\\n\"}")), event("b", true, None)],
        }
    }

    #[test]
    fn a_group_survives_the_way() {
        let mut bytes = Vec::new();
        write(&mut bytes, &ToLeader::Submit { groups: vec![Group::of(&group())] }).unwrap();
        let ToLeader::Submit { groups } = read(&mut &bytes[..]).unwrap() else { panic!("another message") };
        let groups: Vec<_> = groups.into_iter().map(|group| group.into_group().unwrap()).collect();
        assert_eq!(groups, [group()]);
    }

    #[test]
    fn cut_and_hostile_bytes_are_errors() {
        let mut bytes = Vec::new();
        write(&mut bytes, &ToLeader::Feed { generation: 0, after: 3, seq: 0 }).unwrap();
        for end in 0..bytes.len() {
            assert!(read::<ToLeader>(&mut &bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(read::<ToLeader>(&mut &[0xff; 64][..]).is_err());
        let none: Group = serde_json::from_str(
            r#"{"nonce":[0,0,0,0,0,0,0,0,0,0,0],"ordinal":1,"clientId":"","sessionId":"","events":[]}"#,
        )
        .unwrap();
        assert!(none.into_group().is_none());
    }
}
