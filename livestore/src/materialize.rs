//! Applies commit groups to a state: each whole, or not at all.

use crate::error::{CommitError, Error, Result, StorageError};
use crate::event::{CommitGroup, EncodedEvent, EventMeta};
use crate::mutant::{self, Mutant};
use crate::schema::{MaterializeCx, Schema, SchemaDef, SchemaEvent, StateAccess, Writes};
use crate::sqlite::{Db, Role};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Decodes one event and runs its materializer; `None` where the schema does not know the event.
type Run = fn(&str, Option<&str>, &MaterializeCx<'_>) -> Option<Result<Writes>>;

/// The materializers of a schema behind one function, so that everything below the store's surface is compiled once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Materializers {
    pub(crate) schema: &'static SchemaDef,
    run: Run,
}

/// Why a group was not applied. The state is as before, except after `NotUndone`.
#[derive(Clone, Debug)]
pub(crate) enum GroupError {
    /// The disk or memory failed: this says nothing about the group.
    Storage(StorageError),
    /// The same, and in the middle of the group: only what stands around it undoes it.
    NotUndone(StorageError),
    /// The group's own fault: an error, a panic, a payload that does not decode, or a constraint.
    Event(CommitError),
}

impl From<StorageError> for GroupError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<GroupError> for CommitError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Storage(error) | GroupError::NotUndone(error) => Self::Storage(error),
            GroupError::Event(error) => error,
        }
    }
}

impl Materializers {
    pub(crate) fn of<S: Schema>() -> Self {
        Self {
            schema: S::DEF,
            run: |name, args, cx| {
                S::Event::decode(name, args).map(|event| event.and_then(|event| event.materialize(cx)))
            },
        }
    }

    /// Whether the schema knows an event of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.schema.events.iter().any(|entry| entry.def.name == name)
    }

    /// Applies the group; events that the schema does not know write nothing.
    pub(crate) fn apply(&self, db: &Db, group: &CommitGroup) -> Result<(), GroupError> {
        self.begin(db, group)?;
        db.keep_group().map_err(GroupError::from)
    }

    /// Applies the group and leaves it to the caller to keep or undo it. After an error it is undone already.
    pub(crate) fn begin(&self, db: &Db, group: &CommitGroup) -> Result<(), GroupError> {
        db.begin_group();
        db.set_committer(Some(group.session_id.clone()));
        let applied = self.apply_events(db, group);
        db.set_committer(None);
        if matches!(applied, Err(GroupError::Event(_))) && mutant::is(Mutant::HalfGroupStays) {
            db.keep_group()?;
            return applied;
        }
        if applied.is_err() {
            let is_undone = db.undo_group().map_err(GroupError::NotUndone)?;
            debug_assert!(is_undone, "nothing fails after the last write of a group");
        }
        applied
    }

    fn apply_events(&self, db: &Db, group: &CommitGroup) -> Result<(), GroupError> {
        let mut meta = group.meta(0);
        for (index, event) in group.events.iter().enumerate() {
            meta.id = group.event_id(index);
            db.act_as(if event.client_only { Role::ClientOnlyEvent } else { Role::SyncedEvent });
            let applied = match &*group.events {
                [only] => self.apply_only_event(db, only, &meta),
                _ => self.apply_event(db, event, &meta),
            };
            db.act_as(Role::Reader);
            if let Some(fault) = db.take_fault() {
                return Err(GroupError::Storage(fault));
            }
            applied.map_err(|error| match error {
                CommitError::Storage(error) => GroupError::Storage(error),
                error => GroupError::Event(error),
            })?;
        }
        Ok(())
    }

    fn apply_event(&self, db: &Db, event: &EncodedEvent, meta: &EventMeta) -> Result<(), CommitError> {
        for write in self.writes(db, event, meta)?.statements {
            let written = db.write(&write.sql, &write.binds, &mut |_| Ok(()));
            if written.is_err() && mutant::is(Mutant::ConstraintIgnored) {
                continue;
            }
            written.map_err(|source| CommitError::materialize(&event.name, Error::from(source)))?;
        }
        Ok(())
    }

    fn apply_only_event(&self, db: &Db, event: &EncodedEvent, meta: &EventMeta) -> Result<(), CommitError> {
        let writes = self.writes(db, event, meta)?;
        let Some((last, earlier)) = writes.statements.split_last() else { return Ok(()) };
        let write = || {
            for write in earlier {
                db.write(&write.sql, &write.binds, &mut |_| Ok(()))?;
            }
            db.write_last(&last.sql, &last.binds)
        };
        write().map_err(|source| CommitError::materialize(&event.name, Error::from(source)))
    }

    /// Runs the event's materializer.
    fn writes(&self, db: &Db, event: &EncodedEvent, meta: &EventMeta) -> Result<Writes, CommitError> {
        let cx = MaterializeCx::new(db, meta);
        let run = || (self.run)(&event.name, event.args.as_deref(), &cx);
        let writes = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(None) => return Ok(Writes::default()),
            Ok(Some(writes)) => writes.map_err(|source| CommitError::materialize(&event.name, source)),
            Err(panic) => Err(CommitError::Panicked { event: event.name.to_string(), message: panic_message(&*panic) }),
        };
        // A fault that the materializer swallowed still decides.
        db.take_fault().map_or(writes, |fault| Err(CommitError::Storage(fault)))
    }
}

/// The text of a panic, where it has one.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
