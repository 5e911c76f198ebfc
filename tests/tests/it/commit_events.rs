//! Payloads: what an event says, and how its shape may change.
