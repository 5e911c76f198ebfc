// The schema that both languages have: the same event names and JSON. `src/rust/schema.rs` is its twin.
import { Events, makeSchema, Schema, State } from '@livestore/livestore'

export const events = {
  noteAdded: Events.synced({
    name: 'v1.NoteAdded',
    schema: Schema.Struct({ id: Schema.String, text: Schema.String }),
  }),
  noteEdited: Events.synced({
    name: 'v1.NoteEdited',
    schema: Schema.Struct({ id: Schema.String, text: Schema.String }),
  }),
  measured: Events.synced({
    name: 'v1.Measured',
    schema: Schema.Struct({ id: Schema.String, value: Schema.Number, comment: Schema.optional(Schema.String) }),
  }),
  allCleared: Events.synced({ name: 'v1.AllCleared', schema: Schema.Void }),
}

const notes = State.SQLite.table({
  name: 'notes',
  columns: {
    id: State.SQLite.text({ primaryKey: true }),
    text: State.SQLite.text({ default: '' }),
    value: State.SQLite.real({ nullable: true }),
  },
})

// Which events were applied, in which order: two clients agree in it only when they saw the same log.
const trail = State.SQLite.table({
  name: 'trail',
  columns: {
    id: State.SQLite.text({ primaryKey: true }),
    steps: State.SQLite.text({ default: '' }),
  },
})

export const tables = { notes, trail }

const stepped = (step) => ({
  sql: `INSERT INTO trail (id, steps) VALUES ('trail', ' ' || $step) ON CONFLICT (id) DO UPDATE SET steps = steps || ' ' || $step`,
  bindValues: { step },
  writeTables: new Set(['trail']),
})

const materializers = State.SQLite.materializers(events, {
  'v1.NoteAdded': ({ id, text }) => [notes.insert({ id, text, value: null }), stepped(`+${id}`)],
  'v1.NoteEdited': ({ id, text }) => [notes.update({ text }).where({ id }), stepped(`~${id}`)],
  'v1.Measured': ({ id, value, comment }) => [notes.insert({ id, text: comment ?? '', value }), stepped(`=${id}`)],
  'v1.AllCleared': () => [notes.delete(), stepped('!')],
})

export const schema = makeSchema({ events, state: State.SQLite.makeState({ tables, materializers }) })
