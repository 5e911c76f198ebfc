//! Several sessions of one store, and reading at one head.
