//! What a statement of a materializer may not do.
