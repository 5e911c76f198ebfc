//! Runs the program on small repositories that git made, and compares with what git says itself.

mod fixture;
mod import;
mod refusals;
mod resume;
