// The todo app's events, as `../src/schema.rs` has them: the same names and the same arguments. The table is this program's own affair.
import { Events, makeSchema, Schema, State } from '@livestore/livestore'

const ofTodo = Schema.Struct({ id: Schema.String })
const withText = Schema.Struct({ id: Schema.String, text: Schema.String })

export const events = {
  todoCreated: Events.synced({ name: 'v1.TodoCreated', schema: withText }),
  todoCompleted: Events.synced({ name: 'v1.TodoCompleted', schema: ofTodo }),
  todoReopened: Events.synced({ name: 'v1.TodoReopened', schema: ofTodo }),
  todoTextChanged: Events.synced({ name: 'v1.TodoTextChanged', schema: withText }),
  todoDeleted: Events.synced({ name: 'v1.TodoDeleted', schema: ofTodo }),
  todoRestored: Events.synced({ name: 'v1.TodoRestored', schema: ofTodo }),
}

const todos = State.SQLite.table({
  name: 'todos',
  columns: {
    id: State.SQLite.text({ primaryKey: true }),
    text: State.SQLite.text(),
    completed: State.SQLite.boolean({ default: false }),
    deleted: State.SQLite.boolean({ default: false }),
    position: State.SQLite.integer(),
  },
})

// The place at the end of the list: the order of the eventlog, which is the same on every client.
const created = {
  sql: 'INSERT INTO todos (id, text, completed, deleted, position) SELECT $id, $text, 0, 0, IFNULL(MAX(position), 0) + 1 FROM todos',
  writeTables: new Set(['todos']),
}

const materializers = State.SQLite.materializers(events, {
  'v1.TodoCreated': ({ id, text }) => ({ ...created, bindValues: { id, text } }),
  'v1.TodoCompleted': ({ id }) => todos.update({ completed: true }).where({ id }),
  'v1.TodoReopened': ({ id }) => todos.update({ completed: false }).where({ id }),
  'v1.TodoTextChanged': ({ id, text }) => todos.update({ text }).where({ id }),
  'v1.TodoDeleted': ({ id }) => todos.update({ deleted: true }).where({ id }),
  'v1.TodoRestored': ({ id }) => todos.update({ deleted: false }).where({ id }),
})

export const schema = makeSchema({ events, state: State.SQLite.makeState({ tables: { todos }, materializers }) })

export const listed = todos.where({ deleted: false }).orderBy('position', 'asc')
