//! What a subscriber may do in its callback.
