//! The features of the library, each through its public interface.

mod commit_groups;
mod documents;
mod query_sql;
