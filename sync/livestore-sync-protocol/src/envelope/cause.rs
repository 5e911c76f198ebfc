use crate::json::{Bounded, present};
use crate::{Dialect, Failure, RawJson};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Why a request failed.
///
/// Effect 3 writes a tree, Effect 4 an array without an order between its parts (measured on sync-cf 0.4.0 and on Effect
/// 4.0.0-beta.99). Either is read, whatever the dialect of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing.
    Empty,
    /// A typed error.
    Fail(Failure),
    /// A defect: any JSON. What a server answers to an unknown method or a bad payload.
    Die(RawJson),
    /// It was interrupted. The id of whoever did it is any JSON, or absent.
    Interrupt(Option<RawJson>),
    /// One after the other. Effect 3 only.
    Sequential(Box<[Self; 2]>),
    /// Both. Effect 3 only.
    Parallel(Box<[Self; 2]>),
    /// An array of none, or of more than one. Effect 4 only; where Effect 3 is spoken, the first one stands for all.
    All(Vec<Self>),
}

/// The most causes of one array; what is beyond is left out.
const CAUSES_MAX: usize = 64;

impl Cause {
    /// The first typed error in it, which is what counts.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Fail(failure) => Some(failure),
            Self::Sequential(both) | Self::Parallel(both) => both.iter().find_map(Self::failure),
            Self::All(causes) => causes.iter().find_map(Self::failure),
            Self::Empty | Self::Die(_) | Self::Interrupt(_) => None,
        }
    }

    /// The first defect in it.
    #[must_use]
    pub fn defect(&self) -> Option<&RawJson> {
        match self {
            Self::Die(defect) => Some(defect),
            Self::Sequential(both) | Self::Parallel(both) => both.iter().find_map(Self::defect),
            Self::All(causes) => causes.iter().find_map(Self::defect),
            Self::Empty | Self::Fail(_) | Self::Interrupt(_) => None,
        }
    }

    /// A defect with a text.
    #[must_use]
    pub fn die(text: &str) -> Self {
        Self::Die(RawJson::of(&text))
    }

    pub(crate) const fn in_dialect(&self, dialect: Dialect) -> CauseIn<'_> {
        CauseIn(self, dialect)
    }

    fn leaves<'a>(&'a self, found: &mut Vec<&'a Self>) {
        match self {
            Self::Empty => {}
            Self::Sequential(both) | Self::Parallel(both) => both.iter().for_each(|cause| cause.leaves(found)),
            Self::All(causes) => causes.iter().for_each(|cause| cause.leaves(found)),
            Self::Fail(_) | Self::Die(_) | Self::Interrupt(_) => found.push(self),
        }
    }
}

pub(crate) struct CauseIn<'a>(&'a Cause, Dialect);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node<'a> {
    #[serde(rename = "_tag")]
    _tag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    defect: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fiber_id: Option<&'a RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<CauseIn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<CauseIn<'a>>,
}

impl<'a> Node<'a> {
    fn of(cause: &'a Cause) -> Self {
        let node = |_tag| Node { _tag, error: None, defect: None, fiber_id: None, left: None, right: None };
        let tree = |_tag, left, right| {
            let (left, right) = (Some(CauseIn(left, Dialect::Effect3)), Some(CauseIn(right, Dialect::Effect3)));
            Node { left, right, ..node(_tag) }
        };
        match cause {
            Cause::Fail(failure) => Node { error: Some(failure), ..node("Fail") },
            Cause::Die(defect) => Node { defect: Some(defect), ..node("Die") },
            Cause::Interrupt(fiber_id) => Node { fiber_id: fiber_id.as_ref(), ..node("Interrupt") },
            Cause::Sequential(both) => tree("Sequential", &both[0], &both[1]),
            Cause::Parallel(both) => tree("Parallel", &both[0], &both[1]),
            Cause::Empty => node("Empty"),
            Cause::All(causes) => causes.first().map_or_else(|| node("Empty"), Node::of),
        }
    }
}

impl Serialize for CauseIn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            Dialect::Effect3 => Node::of(self.0).serialize(serializer),
            Dialect::Effect4 => {
                let mut leaves = Vec::new();
                self.0.leaves(&mut leaves);
                serializer.collect_seq(leaves.into_iter().map(Node::of))
            }
        }
    }
}

/// Read in one pass, whatever its shape: a copy per level would make deep causes dear.
impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Cause;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cause: an object, or an array of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cause, A::Error> {
                read_node(Fields::deserialize(MapAccessDeserializer::new(map))?)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Cause, A::Error> {
                let causes = Bounded::<Cause, CAUSES_MAX>::deserialize(SeqAccessDeserializer::new(seq))?;
                let mut causes = causes.cut();
                match (causes.pop(), causes.is_empty()) {
                    (Some(only), true) => Ok(only),
                    (last, _) => Ok(Cause::All(causes.into_iter().chain(last).collect())),
                }
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

#[derive(Deserialize)]
enum Tag {
    Empty,
    Fail,
    Die,
    Interrupt,
    Sequential,
    Parallel,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(rename = "_tag")]
    _tag: Tag,
    error: Option<Failure>,
    #[serde(default, deserialize_with = "present")]
    defect: Option<RawJson>,
    #[serde(default, deserialize_with = "present")]
    fiber_id: Option<RawJson>,
    left: Option<Box<Cause>>,
    right: Option<Box<Cause>>,
}

fn read_node<E: serde::de::Error>(fields: Fields) -> Result<Cause, E> {
    let both = |left: Option<Box<Cause>>, right: Option<Box<Cause>>| match (left, right) {
        (Some(left), Some(right)) => Ok(Box::new([*left, *right])),
        (None, _) => Err(E::missing_field("left")),
        (_, None) => Err(E::missing_field("right")),
    };
    match fields._tag {
        Tag::Empty => Ok(Cause::Empty),
        Tag::Fail => fields.error.map(Cause::Fail).ok_or_else(|| E::missing_field("error")),
        Tag::Die => Ok(Cause::Die(fields.defect.unwrap_or_else(|| RawJson::of(&())))),
        Tag::Interrupt => Ok(Cause::Interrupt(fields.fiber_id)),
        Tag::Sequential => both(fields.left, fields.right).map(Cause::Sequential),
        Tag::Parallel => both(fields.left, fields.right).map(Cause::Parallel),
    }
}
