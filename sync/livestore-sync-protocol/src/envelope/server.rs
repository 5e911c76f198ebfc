use super::{Cause, read, required, unknown};
use crate::envelope::cause::CauseIn;
use crate::json::{Bounded, present, text_of};
use crate::message::{PageIn, PullResponseWire};
use crate::{DecodeError, Dialect, Limits, PullResponse, RawJson, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEnvelope {
    /// A part of the answer to a pull. Over a WebSocket the next one comes when this one is acknowledged.
    Chunk {
        /// Which pull.
        id: RequestId,
        /// The pages; sync-cf 0.4.0 always sends one.
        values: Vec<PullResponse>,
    },
    /// The end of a request.
    Exit {
        /// Which request.
        id: RequestId,
        /// How it ended.
        exit: Exit,
    },
    /// Something is wrong with the connection as a whole. It ends all requests of a client, so this project's server never sends
    /// it.
    Defect(RawJson),
    /// The answer to a ping.
    Pong,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Well. A push has the value `{}`, a ping over HTTP the pong; a pull has none.
    Success(Option<RawJson>),
    /// Not well.
    Failure(Cause),
}

/// The most chunks in one envelope; sync-cf 0.4.0 sends one.
const VALUES_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireIn<'a> {
    #[serde(borrow, default, rename = "_tag")]
    _tag: Option<Cow<'a, str>>,
    request_id: Option<RequestId>,
    #[serde(borrow, default)]
    values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    exit: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    defect: Option<&'a RawValue>,
}

#[derive(Deserialize)]
enum ExitTag {
    Success,
    Failure,
}

#[derive(Deserialize)]
struct ExitIn {
    #[serde(rename = "_tag")]
    _tag: ExitTag,
    #[serde(default, deserialize_with = "present")]
    value: Option<RawJson>,
    cause: Option<Cause>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireOut<'a> {
    #[serde(rename = "_tag")]
    _tag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<PageIn<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<ExitOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    defect: Option<&'a RawJson>,
}

#[derive(Serialize)]
struct ExitOut<'a> {
    #[serde(rename = "_tag")]
    _tag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseIn<'a>>,
}

impl<'a> WireOut<'a> {
    const fn new(_tag: &'static str, request_id: Option<&'a RequestId>) -> Self {
        Self { _tag, request_id, values: None, exit: None, defect: None }
    }
}

impl ServerEnvelope {
    pub(crate) fn decode(text: &str, limits: &Limits) -> Result<Self, DecodeError> {
        let wire: WireIn<'_> = read("envelope", text)?;
        match wire._tag.as_deref() {
            Some("Chunk") => Ok(Self::Chunk {
                id: required("chunk", "requestId", wire.request_id)?,
                values: pages(required("chunk", "values", wire.values)?, limits)?,
            }),
            Some("Exit") => Ok(Self::Exit {
                id: required("exit", "requestId", wire.request_id)?,
                exit: Exit::decode(required("exit", "exit", wire.exit)?)?,
            }),
            Some("Defect") => Ok(Self::Defect(required("defect", "defect", wire.defect)?.into())),
            Some("Pong") => Ok(Self::Pong),
            tag => Err(unknown(tag)),
        }
    }

    /// The envelope as the text of a frame, in the dialect of the request's id.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Chunk { id, values } => {
                let pages = values.iter().map(|page| page.borrowed().in_dialect(id.dialect())).collect();
                text_of(&WireOut { values: Some(pages), ..WireOut::new("Chunk", Some(id)) })
            }
            Self::Exit { id, exit } => {
                let exit = Some(exit.out(id.dialect()));
                text_of(&WireOut { exit, ..WireOut::new("Exit", Some(id)) })
            }
            Self::Defect(defect) => text_of(&WireOut { defect: Some(defect), ..WireOut::new("Defect", None) }),
            Self::Pong => text_of(&WireOut::new("Pong", None)),
        }
    }
}

fn pages(values: &RawValue, limits: &Limits) -> Result<Vec<PullResponse>, DecodeError> {
    let pages: Bounded<PullResponseWire, VALUES_MAX> = read("page", values.get())?;
    let pages = pages.within("pages in a chunk", VALUES_MAX)?;
    pages.into_iter().map(|page| PullResponse::from_wire(page, limits)).collect()
}

impl Exit {
    fn decode(exit: &RawValue) -> Result<Self, DecodeError> {
        let ExitIn { _tag, value, cause } = read("exit", exit.get())?;
        match _tag {
            ExitTag::Success => Ok(Self::Success(value)),
            ExitTag::Failure => Ok(Self::Failure(required("exit", "cause", cause)?)),
        }
    }

    fn out(&self, dialect: Dialect) -> ExitOut<'_> {
        match self {
            Self::Success(value) => ExitOut { _tag: "Success", value: value.as_ref(), cause: None },
            Self::Failure(cause) => ExitOut { _tag: "Failure", value: None, cause: Some(cause.in_dialect(dialect)) },
        }
    }

    /// The end of a push that was accepted.
    #[must_use]
    pub fn pushed() -> Self {
        Self::Success(Some(RawJson::of(&std::collections::BTreeMap::<(), ()>::new())))
    }

    /// The end of a pull.
    #[must_use]
    pub const fn pulled() -> Self {
        Self::Success(None)
    }

    /// The end of a ping over HTTP.
    #[must_use]
    pub fn pong() -> Self {
        Self::Success(Some(RawJson::of(&std::collections::BTreeMap::from([("_tag", "SyncMessage.Pong")]))))
    }
}
