//! Receipts: what became of a commit.
