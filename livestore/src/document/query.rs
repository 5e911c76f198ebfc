use super::ClientDocument;
use super::event::DocumentId;
use crate::error::QueryError;
use crate::query::{Select, Sql};
use crate::schema::{StateAccess, quoted};
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// Reads a client document; its default where it was never set. Made by [`ClientDocument::get`].
pub struct DocumentQuery<D> {
    id: DocumentId,
    document: PhantomData<fn() -> D>,
}

impl<D> DocumentQuery<D> {
    pub(super) fn new(id: DocumentId) -> Self {
        Self { id, document: PhantomData }
    }
}

impl<D: ClientDocument> Select for DocumentQuery<D> {
    type Output = D;

    fn to_sql(&self) -> Result<Sql, QueryError> {
        let text = format!("SELECT value FROM {} WHERE id = ?", quoted(D::DEF.table.name));
        Ok(Sql { text, binds: vec![self.id.bind()] })
    }

    fn run(&self, state: &dyn StateAccess) -> Result<D, QueryError> {
        let sql = self.to_sql()?;
        let mut stored: Option<String> = None;
        state.select(&sql.text, &sql.binds, &mut |row| {
            stored = Some(row.get(0)?);
            Ok(())
        })?;
        Ok(stored.map_or_else(D::default, |json| decode(&json)))
    }
}

/// Reads a stored value of this shape or an older one: what does not fit any more takes its default.
pub(super) fn decode<D: ClientDocument>(json: &str) -> D {
    if let Ok(document) = serde_json::from_str(json) {
        return document;
    }
    let Ok(Value::Object(stored)) = serde_json::from_str(json) else { return D::default() };
    let Ok(Value::Object(mut shape)) = serde_json::to_value(D::default()) else { return D::default() };
    let mut dropped = Vec::new();
    for (key, value) in stored {
        if !keep(&mut shape, key.clone(), value, |shape| decodes::<D>(shape)) {
            dropped.push(key);
        }
    }
    if !dropped.is_empty() {
        tracing::warn!(document = D::DEF.table.name, ?dropped, "stored keys do not fit the document any more");
    }
    serde_json::from_value(Value::Object(shape)).unwrap_or_default()
}

fn decodes<D: ClientDocument>(shape: &Map<String, Value>) -> bool {
    serde_json::from_value::<D>(Value::Object(shape.clone())).is_ok()
}

/// Puts the key into the shape if the whole still decodes.
fn keep(shape: &mut Map<String, Value>, key: String, value: Value, fits: impl Fn(&Map<String, Value>) -> bool) -> bool {
    let before = shape.insert(key.clone(), value);
    if fits(shape) {
        return true;
    }
    match before {
        Some(before) => drop(shape.insert(key, before)),
        None => drop(shape.remove(&key)),
    }
    false
}

impl<D> Clone for DocumentQuery<D> {
    fn clone(&self) -> Self {
        Self::new(self.id.clone())
    }
}

impl<D> std::fmt::Debug for DocumentQuery<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DocumentQuery").field(&self.id).finish()
    }
}
