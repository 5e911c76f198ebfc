//! The features of the library, each through its public interface.

#[cfg(unix)]
mod bad_input_disk;
mod bad_input_files;
mod commit_events;
mod commit_groups;
mod commit_receipts;
mod document_sessions;
mod documents;
mod history_random;
mod leader_ends;
mod live_callbacks;
mod live_changes;
mod live_model;
mod live_queries;
mod live_rebase;
mod long_run;
mod long_tail;
mod native_payloads;
mod native_stores;
mod native_upgrades;
mod outcomes;
mod pumped;
mod query_rows;
mod query_sql;
#[cfg(unix)]
mod receipts_and_state;
mod recovery_crash_points;
mod schema_ddl;
mod schema_guard;
mod schema_materializers;
mod schema_types;
mod store_sessions;
mod sync_clients;
mod sync_disk;
mod sync_faults;
mod sync_leader;
mod sync_native;
mod sync_new_backend;
mod sync_other_backend;
mod sync_random;
mod sync_refusals;
mod sync_regressions;
mod sync_worlds;
mod undo;
mod watching_a_closed_store;
mod zoo;
