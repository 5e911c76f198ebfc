use super::{ColumnType, ColumnValue, SqlType, SqlValue, ValueError, ValueRef};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A column that holds any serde type as JSON text.
///
/// ```
/// use livestore::{ColumnValue, Json, SqlValue};
/// let tags = Json(vec!["home".to_owned()]);
/// assert_eq!(tags.into_value()?, SqlValue::Text(r#"["home"]"#.into()));
/// # Ok::<(), livestore::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize + DeserializeOwned> ColumnValue for Json<T> {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Text);
    const __DEFAULT: super::TakesDefault = super::TakesDefault::Text;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        serde_json::to_string(&self.0)
            .map(SqlValue::Text)
            .map_err(|error| ValueError::new(format!("value does not encode as JSON: {error}")))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        let ValueRef::Text(bytes) = value else {
            return Err(ValueError::unexpected("JSON text", value));
        };
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|error| ValueError::new(format!("stored JSON does not decode: {error}")))
    }
}
