//! Materializers: what they see, what they return, and what becomes of their failures.
