//! Who may do what, from the outside: files that change, hooks that fail, and the matrix of all cases.

mod files;
mod gate;
mod jwt;
mod matrix;
mod sign;
mod support;
