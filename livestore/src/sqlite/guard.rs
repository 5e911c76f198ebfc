//! The authorizer: notes what a statement reads and writes while SQLite compiles it, and refuses what no statement of an
//! application may do.

use super::{ReadSet, WriteSet};
use crate::schema::{ForeignKeyAction, SchemaDef, tables};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Functions whose result is not decided by their arguments and the state.
const NOT_DETERMINISTIC: &[&str] = &[
    "changes",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "julianday",
    "last_insert_rowid",
    "random",
    "randomblob",
    "sqlite_compileoption_get",
    "sqlite_compileoption_used",
    "sqlite_source_id",
    "sqlite_version",
    "strftime",
    "time",
    "timediff",
    "total_changes",
    "unixepoch",
];

/// Who is asking for a statement to be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Asker {
    /// The library itself.
    Library = 0,
    /// The application.
    Application = 1,
}

/// What the schema says about state tables, as the guard needs it.
#[derive(Debug, Default)]
pub(crate) struct StateRules {
    pub(crate) client_only: BTreeSet<&'static str>,
    /// Tables whose rows change when rows of the key table are deleted: foreign keys that cascade, transitively.
    pub(crate) cascades: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl StateRules {
    /// The rules that a schema's tables make.
    pub(crate) fn of(schema: &SchemaDef) -> Self {
        let client_only = tables(schema).filter(|table| table.client_only).map(|table| table.name).collect();
        let mut cascades: BTreeMap<&'static str, BTreeSet<&'static str>> = BTreeMap::new();
        let edges: Vec<(&'static str, &'static str)> = tables(schema)
            .flat_map(|table| table.columns.iter().map(move |column| (table.name, column)))
            .filter_map(|(table, column)| Some((column.references.as_ref()?, table)))
            .filter(|(target, _)| target.on_delete != ForeignKeyAction::Restrict)
            .map(|(target, table)| (target.table, table))
            .collect();
        // Follow the edges until nothing new is reached; there are at most as many rounds as tables.
        for _ in 0..=edges.len() {
            for (parent, child) in &edges {
                let further = cascades.get(child).cloned().unwrap_or_default();
                let reached = cascades.entry(parent).or_default();
                reached.insert(child);
                reached.extend(further);
            }
        }
        Self { client_only, cascades }
    }
}

/// What is known of a statement since it was compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatementFacts {
    pub(crate) reads: ReadSet,
    pub(crate) writes: WriteSet,
    /// Rows are deleted by name; a REPLACE deletes too, but says so to nobody.
    deletes: bool,
    /// When it fails, it has changed nothing.
    pub(crate) is_atomic: bool,
    /// A function that a materializer may not call.
    pub(crate) not_deterministic: Option<String>,
    /// Why the authorizer refused it.
    pub(crate) refused: Option<String>,
}

/// Shared by a connection and its authorizer. Contended by nobody: SQLite calls back on the thread that compiles.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    asker: AtomicU8,
    /// Since the last [`expect`](Self::expect).
    was_asked: AtomicBool,
    facts: Mutex<StatementFacts>,
}

impl Guard {
    /// Announces who compiles the next statement, and forgets the last one.
    pub(crate) fn expect(&self, asker: Asker) {
        self.asker.store(asker as u8, Ordering::Relaxed);
        self.was_asked.store(false, Ordering::Relaxed);
        if asker == Asker::Application {
            *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = StatementFacts::default();
        }
    }

    /// Whether a statement was compiled since [`expect`](Self::expect), and did not come from a cache.
    pub(crate) fn was_asked(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed)
    }

    /// What was noted of this statement since [`expect`](Self::expect).
    pub(crate) fn facts(&self, sql: &str, rules: &StateRules) -> StatementFacts {
        let mut facts = std::mem::take(&mut *self.facts.lock().unwrap_or_else(PoisonError::into_inner));
        let may_replace = sql.to_ascii_lowercase().contains("replace");
        if !facts.deletes && !may_replace {
            return facts;
        }
        if may_replace {
            // An UPDATE OR REPLACE is told as an update of columns, and yet it deletes the rows in its way.
            facts.writes.widen_to_rows();
        }
        let written: Vec<Arc<str>> = facts.writes.tables_of_rows().map(Into::into).collect();
        for table in written {
            for cascaded in rules.cascades.get(&*table).into_iter().flatten() {
                facts.writes.add_rows(cascaded);
            }
        }
        facts
    }

    /// A function in the library's last statement that is not deterministic: a CHECK of the application calls it.
    pub(crate) fn not_deterministic(&self) -> Option<String> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).not_deterministic.take()
    }

    /// What was refused since the statement's facts were taken: some statements compile others while they run.
    pub(crate) fn refused_while_running(&self) -> Option<String> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).refused.take()
    }

    pub(crate) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        self.was_asked.store(true, Ordering::Relaxed);
        let is_of_library = self.asker.load(Ordering::Relaxed) == Asker::Library as u8;
        if is_of_library && !matches!(context.action, AuthAction::Function { .. }) {
            return Authorization::Allow;
        }
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        match refusal(&context.action) {
            None => {
                note(&mut facts, &context.action);
                Authorization::Allow
            }
            Some(what) => {
                facts.refused.get_or_insert(what);
                Authorization::Deny
            }
        }
    }
}

fn note(facts: &mut StatementFacts, action: &AuthAction<'_>) {
    match *action {
        AuthAction::Read { table_name, column_name } => facts.reads.add(table_name, column_name),
        AuthAction::Insert { table_name } => facts.writes.add_rows(table_name),
        AuthAction::Delete { table_name } => {
            facts.writes.add_rows(table_name);
            facts.deletes = true;
        }
        AuthAction::Update { table_name, column_name } => facts.writes.add_column(table_name, column_name),
        AuthAction::Function { function_name } => {
            let name = function_name.to_ascii_lowercase();
            if NOT_DETERMINISTIC.contains(&&*name) {
                facts.not_deterministic.get_or_insert(name);
            }
        }
        _ => {}
    }
}

/// What is refused to every application statement, in words.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    let what = match action {
        AuthAction::Read { .. } | AuthAction::Select | AuthAction::Recursive => return None,
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            "loading an extension"
        }
        AuthAction::Function { .. } => return None,
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => {
            if table_name.starts_with("sqlite_") {
                // Compiling DDL writes the schema table first; name the offence itself.
                "DDL"
            } else if table_name.starts_with("livestore") {
                return Some(format!("writing the library's own table `{table_name}`"));
            } else {
                return None;
            }
        }
        AuthAction::Transaction { .. } => "a transaction statement",
        AuthAction::Savepoint { .. } => "a savepoint statement",
        AuthAction::Pragma { .. } => "PRAGMA",
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => "ATTACH or DETACH",
        _ => "DDL",
    };
    Some(what.to_owned())
}
