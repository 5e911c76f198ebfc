//! Live queries: what runs again, how often, and who is told.
