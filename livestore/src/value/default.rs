/// Which constants a column type takes as its default. Generated code asks, so that the compiler tells of a wrong one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesDefault {
    /// None, or only constants of the type itself.
    Own,
    Text,
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    Float,
    Blob,
}

impl TakesDefault {
    pub const fn text(self) -> bool {
        matches!(self, Self::Text)
    }

    pub const fn boolean(self) -> bool {
        matches!(self, Self::Boolean)
    }

    pub const fn integer(self, value: i64) -> bool {
        matches!(self, Self::Integer { min, max } if min <= value && value <= max)
    }

    pub const fn float(self) -> bool {
        matches!(self, Self::Float)
    }

    pub const fn blob(self) -> bool {
        matches!(self, Self::Blob)
    }
}
