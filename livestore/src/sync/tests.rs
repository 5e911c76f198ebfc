//! A model of whole clients over a backend, made of the real merge and the real uplink, and what is searched for in it.

mod model;
mod mutants;
mod search;
mod walk;
