//! What the macros must accept, and what it then does. One file for each way of writing that could trip generated code.

mod crate_option;
mod deprecated;
mod document;
mod foreign_events;
mod hygiene;
mod in_function;
mod keywords;
mod macro_rules;
mod newtypes;
mod sketch_a;
mod table_options;
mod two_blocks;
mod visibility;
