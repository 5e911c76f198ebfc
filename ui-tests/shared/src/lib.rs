//! Events alone, as a client and a server would share them: each application that lists them materializes them in its own
//! way. Everything public in a crate that denies warnings and missing docs, so what the macros generate is judged too.
#![deny(missing_docs, warnings)]
#![forbid(unsafe_code)]

/// The library under another path, for `crate = path`.
pub mod facade {
    pub use livestore as store;
}

pub mod strict;

use livestore::event;

/// A member joined.
#[event("v1.MemberJoined")]
pub struct MemberJoined {
    /// The member.
    pub id: String,
    /// How the member is called.
    pub name: String,
}

/// A member left.
#[event("v1.MemberLeft")]
pub struct MemberLeft {
    /// The member.
    pub id: String,
}

/// The members were counted.
#[event("v1.MembersCounted")]
pub struct MembersCounted;
