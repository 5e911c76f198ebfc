//! What the macros accept (`pass/`) and what they say when they do not (`fail/`). Everything is in the tests.
