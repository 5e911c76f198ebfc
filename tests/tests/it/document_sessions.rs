//! Client documents between sessions, and over changes of their shape.
