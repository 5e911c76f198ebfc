use crate::RawJson;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The typed errors of the sync methods, found in [`Cause::Fail`](crate::Cause::Fail).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The push does not follow the log, on either side of its end.
    ServerAhead {
        /// The number of the log's last event, and not the one after it (measured on sync-cf 0.4.0).
        head: u64,
        /// The parent that the push began with.
        provided: u64,
    },
    /// The client knows another backend than this.
    BackendIdMismatch {
        /// The backend's own id.
        expected: Box<str>,
        /// What the client sent.
        received: Box<str>,
    },
    /// Anything else. TypeScript clients try the same push again, after 1 s, 2 s, 4 s … 30 s.
    Unknown {
        /// `{"name", "message"}` where the server is sync-cf 0.4.0, and anything elsewhere.
        cause: RawJson,
        /// Which event is refused for good. Field `rejected`, this project's.
        rejected: Option<Rejection>,
    },
    /// An error of no kind that this protocol has, as it came.
    Other(RawJson),
}

/// The event of a push that the backend will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The number that it was pushed with.
    #[serde(rename = "seqNum")]
    pub number: u64,
    /// Why.
    pub reason: String,
}

impl Failure {
    /// An error with a message.
    #[must_use]
    pub fn unknown(message: &str) -> Self {
        Self::Unknown { cause: error_json(message), rejected: None }
    }

    /// The refusal of one event.
    #[must_use]
    pub fn rejected(number: u64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Unknown { cause: error_json(&reason), rejected: Some(Rejection { number, reason }) }
    }

    /// What it says to people: the message of the error inside, or its JSON, cut.
    #[must_use]
    pub fn message(&self) -> String {
        #[derive(Deserialize)]
        struct Message {
            message: String,
        }
        match self {
            Self::ServerAhead { head, provided } => {
                format!("the server is at e{head}, the push began after e{provided}")
            }
            Self::BackendIdMismatch { expected, received } => format!("this is backend `{expected}`, not `{received}`"),
            Self::Unknown { cause: json, .. } | Self::Other(json) => match serde_json::from_str(json.text()) {
                Ok(Message { message }) => crate::error::excerpt(&message),
                Err(_) => crate::error::excerpt(json.text()),
            },
        }
    }
}

fn error_json(message: &str) -> RawJson {
    #[derive(Serialize)]
    struct ErrorJson<'a> {
        name: &'a str,
        message: &'a str,
    }
    RawJson::of(&ErrorJson { name: "Error", message })
}

const SERVER_AHEAD: &str = "ServerAheadError";
const BACKEND_ID_MISMATCH: &str = "BackendIdMismatchError";
const UNKNOWN: &str = "UnknownError";

#[derive(Serialize)]
#[serde(tag = "_tag", rename_all_fields = "camelCase")]
enum FailureOut<'a> {
    #[serde(rename = "ServerAheadError")]
    ServerAhead { minimum_expected_num: u64, provided_num: u64 },
    #[serde(rename = "BackendIdMismatchError")]
    BackendIdMismatch { expected: &'a str, received: &'a str },
}

// Apart from the others: a raw value does not go through serde's tagged enums.
#[derive(Serialize)]
struct UnknownOut<'a> {
    #[serde(rename = "_tag")]
    _tag: &'static str,
    cause: &'a RawJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<&'a Rejection>,
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ServerAhead { head, provided } => {
                FailureOut::ServerAhead { minimum_expected_num: *head, provided_num: *provided }.serialize(serializer)
            }
            Self::BackendIdMismatch { expected, received } => {
                FailureOut::BackendIdMismatch { expected, received }.serialize(serializer)
            }
            Self::Unknown { cause, rejected } => {
                UnknownOut { _tag: UNKNOWN, cause, rejected: rejected.as_ref() }.serialize(serializer)
            }
            Self::Other(json) => json.serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailureIn {
    #[serde(rename = "_tag", default)]
    tag: Option<String>,
    minimum_expected_num: Option<u64>,
    provided_num: Option<u64>,
    expected: Option<Box<str>>,
    received: Option<Box<str>>,
    #[serde(default, deserialize_with = "crate::json::present")]
    cause: Option<RawJson>,
    rejected: Option<Rejection>,
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = RawJson::deserialize(deserializer)?;
        // What has no shape of ours is kept as it is.
        let Ok(fields) = serde_json::from_str::<FailureIn>(json.text()) else { return Ok(Self::Other(json)) };
        let missing = |field| D::Error::missing_field(field);
        match fields.tag.as_deref() {
            Some(SERVER_AHEAD) => Ok(Self::ServerAhead {
                head: fields.minimum_expected_num.ok_or_else(|| missing("minimumExpectedNum"))?,
                provided: fields.provided_num.ok_or_else(|| missing("providedNum"))?,
            }),
            Some(BACKEND_ID_MISMATCH) => Ok(Self::BackendIdMismatch {
                expected: fields.expected.ok_or_else(|| missing("expected"))?,
                received: fields.received.ok_or_else(|| missing("received"))?,
            }),
            Some(UNKNOWN) => {
                Ok(Self::Unknown { cause: fields.cause.unwrap_or_else(|| RawJson::of(&())), rejected: fields.rejected })
            }
            _ => Ok(Self::Other(json)),
        }
    }
}
