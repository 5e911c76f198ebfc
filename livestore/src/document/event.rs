use super::ClientDocument;
use crate::error::{EncodeError, Result};
use crate::event::{Event, check_faithful};
use crate::ids::SessionId;
use crate::schema::{MaterializeCx, WriteStatement, Writes, quoted};
use crate::value::SqlValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Which copy of a document: a key, or the session's own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum DocumentId {
    Session,
    Key(String),
}

/// The payload of a set event: an id and the keys to set. On the wire `{ "id": …, "value": { … } }`.
///
/// Keys are kept as JSON, so that a set event of an older shape of the document still reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[doc(hidden)]
pub struct DocumentSet {
    id: DocumentId,
    value: Map<String, Value>,
    /// The first value that has no faithful JSON form; told when the event is committed.
    #[serde(skip)]
    problem: Option<String>,
}

/// What generated set events share.
#[doc(hidden)]
pub trait DocumentEvent {
    fn __new(set: DocumentSet) -> Self;
    fn __set(&self) -> &DocumentSet;
}

impl Serialize for DocumentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(key) => serializer.serialize_str(key),
            Self::Session => {
                Err(serde::ser::Error::custom("a session's own id is resolved when the event is committed"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for DocumentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Key)
    }
}

impl DocumentId {
    pub(super) fn bind(&self) -> SqlValue {
        match self {
            Self::Session => SqlValue::SessionId,
            Self::Key(key) => SqlValue::Text(key.clone()),
        }
    }
}

impl DocumentSet {
    pub(super) fn new(id: DocumentId) -> Self {
        Self { id, value: Map::new(), problem: None }
    }

    #[doc(hidden)]
    pub fn __put(&mut self, key: &str, value: &impl Serialize) {
        let json = check_faithful(value, false).and_then(|()| serde_json::to_value(value).map_err(|e| e.to_string()));
        match json {
            Ok(json) => drop(self.value.insert(key.to_owned(), json)),
            Err(problem) => drop(self.problem.get_or_insert(format!("{key}: {problem}"))),
        }
    }

    pub(super) fn put_all(&mut self, document: &impl Serialize) {
        let json =
            check_faithful(document, false).and_then(|()| serde_json::to_value(document).map_err(|e| e.to_string()));
        match json {
            Ok(Value::Object(map)) => self.value = map,
            Ok(_) => self.problem = Some("a document is a JSON object".to_owned()),
            Err(problem) => self.problem = Some(problem),
        }
    }
}

/// Encodes a set event, with the session's id for a session's own copy.
pub(crate) fn encode_document<E: Event + DocumentEvent>(
    event: &E,
    session: &SessionId,
) -> Result<Option<Box<str>>, EncodeError> {
    let fail = |message: String| EncodeError { event: E::DEF.name.to_owned(), message };
    let mut set = event.__set().clone();
    if let Some(problem) = set.problem {
        return Err(fail(problem));
    }
    if set.id == DocumentId::Session {
        set.id = DocumentId::Key(session.to_string());
    }
    serde_json::to_string(&set).map(|json| Some(json.into_boxed_str())).map_err(|error| fail(error.to_string()))
}

/// Inserts the default with the given keys, or sets the given keys of what is there. Paths and values are bound.
#[allow(clippy::needless_pass_by_value)] // the shape of every materializer
pub(crate) fn materialize_document<D: ClientDocument>(event: D::Set, _: &MaterializeCx<'_>) -> Result<Writes> {
    let DocumentSet { id, value: keys, .. } = event.__set().clone();
    let mut inserted = match serde_json::to_value(D::default())? {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    inserted.extend(keys.clone());
    let mut binds = vec![id.bind(), SqlValue::Text(Value::Object(inserted).to_string())];
    let mut sql = format!("INSERT INTO {} (id, value) VALUES (?, ?) ON CONFLICT (id) DO ", quoted(D::DEF.table.name));
    if keys.is_empty() {
        sql.push_str("NOTHING");
    } else {
        let sets = vec!["?, json(?)"; keys.len()].join(", ");
        sql.push_str(&format!("UPDATE SET value = json_set(value, {sets})"));
        for (key, value) in keys {
            // A path in quotes takes any key but one with a quote, which no field name has.
            binds.push(SqlValue::Text(format!("$.\"{key}\"")));
            binds.push(SqlValue::Text(value.to_string()));
        }
    }
    let mut writes = Writes::default();
    writes.push_statement(WriteStatement { sql: sql.into(), binds });
    Ok(writes)
}
