//! The features of the library, each through its public interface.

mod commit_groups;
mod documents;
mod long_run;
mod query_sql;
