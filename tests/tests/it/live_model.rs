//! Live queries against a model: what is delivered is what the SQL gives at that head.
