//! The results of a live query as an iterator and a stream.
