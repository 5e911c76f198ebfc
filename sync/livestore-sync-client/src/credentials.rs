//! What a client says of itself when it connects, and keeping it out of everything else.

use crate::SetupError;
use livestore::SyncError;
use livestore_sync_protocol::RawJson;
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type AskToken = dyn Fn() -> Result<String, SyncError> + Send + Sync;

/// The field of the sync payload in which servers of TypeScript LiveStore look for a token.
const TOKEN_FIELD: &str = "authToken";

/// So many connections may wait for a token at once: one whose callback does not return must not pile up threads.
const ASKING_MAX: usize = 8;

/// Where the token goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TokenPlace {
    #[default]
    Header,
    Payload,
}

/// Where credentials come from. Its `Debug` tells that there are some.
#[derive(Clone, Default)]
pub(crate) struct CredentialSource {
    pub(crate) ask_token: Option<Arc<AskToken>>,
    pub(crate) place: TokenPlace,
    pub(crate) payload: Option<Value>,
    asking: Arc<AtomicUsize>,
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (has_token, has_payload) = (self.ask_token.is_some(), self.payload.is_some());
        write!(f, "has token: {has_token} in {:?}, has payload: {has_payload}", self.place)
    }
}

/// The credentials of one connection.
pub(crate) struct Credentials {
    /// The value of the `Authorization` header.
    pub(crate) authorization: Option<String>,
    pub(crate) payload: Option<RawJson>,
    secrets: Vec<String>,
}

impl CredentialSource {
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        match (self.place, &self.ask_token, &self.payload) {
            (TokenPlace::Payload, Some(_), Some(payload)) if !payload.is_object() => {
                Err(SetupError::Payload { kind: kind_of(payload) })
            }
            _ => Ok(()),
        }
    }

    /// Asks for the token. The callback may take its time: this is the connection's own thread.
    pub(crate) fn ask(&self) -> Result<Credentials, SyncError> {
        let token = self.ask_token.as_deref().map(|ask| self.ask_token(ask)).transpose()?;
        let mut payload = self.payload.clone();
        let known = payload.as_ref().and_then(|payload| payload.get(TOKEN_FIELD)).and_then(Value::as_str);
        let secrets = token.iter().map(String::as_str).chain(known).filter(|secret| !secret.is_empty());
        let secrets = secrets.map(str::to_owned).collect();
        let authorization = match (token, self.place) {
            (None, _) => None,
            (Some(token), TokenPlace::Header) => Some(bearer(&token)?),
            (Some(token), TokenPlace::Payload) => {
                let object = payload.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
                if let Some(fields) = object.as_object_mut() {
                    fields.insert(TOKEN_FIELD.into(), Value::String(token));
                }
                None
            }
        };
        Ok(Credentials { authorization, payload: payload.as_ref().map(RawJson::of), secrets })
    }

    fn ask_token(&self, ask: &AskToken) -> Result<String, SyncError> {
        if self.asking.fetch_add(1, Ordering::Relaxed) >= ASKING_MAX {
            self.asking.fetch_sub(1, Ordering::Relaxed);
            return Err(SyncError::Offline { reason: format!("{ASKING_MAX} connections wait for a token already") });
        }
        let answer = catch_unwind(AssertUnwindSafe(ask));
        self.asking.fetch_sub(1, Ordering::Relaxed);
        answer.unwrap_or_else(|_| Err(SyncError::Unauthorized { reason: "the token callback panicked".into() }))
    }
}

impl Credentials {
    /// A text from outside as it may be shown: one that repeats a secret does not.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<secret>"))
    }

    pub(crate) fn hide_in(&self, error: SyncError) -> SyncError {
        match error {
            SyncError::Offline { reason } => SyncError::Offline { reason: self.hide(&reason) },
            SyncError::Unauthorized { reason } => SyncError::Unauthorized { reason: self.hide(&reason) },
            SyncError::Protocol { reason } => SyncError::Protocol { reason: self.hide(&reason) },
            other => other,
        }
    }
}

fn bearer(token: &str) -> Result<String, SyncError> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = "the token is empty or has characters that a header does not take".into();
        return Err(SyncError::Unauthorized { reason });
    }
    Ok(format!("Bearer {token}"))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(token: &'static str, place: TokenPlace, payload: Option<Value>) -> CredentialSource {
        let ask_token: Arc<AskToken> = Arc::new(move || Ok(token.into()));
        CredentialSource { ask_token: Some(ask_token), place, payload, ..Default::default() }
    }

    #[test]
    fn a_token_goes_where_it_is_wanted() {
        let header = source("t0ken", TokenPlace::Header, Some(json!({"tenant": 1}))).ask().unwrap();
        assert_eq!(header.authorization.as_deref(), Some("Bearer t0ken"));
        assert_eq!(header.payload.unwrap().text(), r#"{"tenant":1}"#);
        let payload = source("t0ken", TokenPlace::Payload, Some(json!({"tenant": 1}))).ask().unwrap();
        assert_eq!(payload.authorization, None);
        assert_eq!(payload.payload.unwrap().text(), r#"{"authToken":"t0ken","tenant":1}"#);
        let alone = source("t0ken", TokenPlace::Payload, None).ask().unwrap();
        assert_eq!(alone.payload.unwrap().text(), r#"{"authToken":"t0ken"}"#);
    }

    #[test]
    fn secrets_are_not_shown() {
        let payload = json!({"authToken": "payload-secret"});
        let source = source("t0ken", TokenPlace::Header, Some(payload));
        assert!(!format!("{source:?}").contains("secret"));
        let shown = source.ask().unwrap().hide("you sent t0ken and payload-secret");
        assert_eq!(shown, "you sent <secret> and <secret>");
    }

    #[test]
    fn a_token_that_no_header_takes_is_told_and_not_shown() {
        for token in ["", "two words", "line\r\nX-Evil: 1", "\u{e9}"] {
            match source(token, TokenPlace::Header, None).ask().map(|_| ()) {
                Err(SyncError::Unauthorized { reason }) => assert!(!reason.contains("Evil"), "{reason}"),
                other => panic!("{token:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_callback_that_panics_is_a_refusal() {
        let ask_token: Arc<AskToken> = Arc::new(|| panic!("on purpose"));
        let source = CredentialSource { ask_token: Some(ask_token), ..Default::default() };
        assert!(matches!(source.ask().map(|_| ()), Err(SyncError::Unauthorized { .. })));
        assert_eq!(source.asking.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_payload_that_takes_no_token_is_told() {
        let payload = source("t", TokenPlace::Payload, Some(json!([1])));
        assert_eq!(payload.check(), Err(SetupError::Payload { kind: "an array" }));
        assert_eq!(source("t", TokenPlace::Header, Some(json!([1]))).check(), Ok(()));
    }
}
