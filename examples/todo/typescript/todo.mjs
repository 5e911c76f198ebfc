// A TypeScript LiveStore client of the todo app's lists: it shares them, through `livestore-server`, with the app in Rust.
import { File } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'

const USAGE = `Usage: node todo.mjs [--store NAME] [--sync URL] [--token TOKEN] COMMAND

  list         print the todos
  add TEXT     add a todo, print its id
  done ID      mark a todo as done
  watch        print the todos now and again after each change

  --store NAME   which list [default: todos]
  --sync URL     the sync backend [default: ws://127.0.0.1:8787]
  --token TOKEN  the token that it asks for`

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

const options = { store: { type: 'string' }, sync: { type: 'string' }, token: { type: 'string' } }
const parsed = (() => {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    return fail(`${error.message}\n\n${USAGE}`)
  }
})()
const { store: storeId = 'todos', sync: url = 'ws://127.0.0.1:8787', token } = parsed.values
const [command, ...words] = parsed.positionals
if (!['list', 'add', 'done', 'watch'].includes(command)) fail(USAGE)

// What Node 18 and 20 do not have yet.
globalThis.File ??= File
globalThis.WebSocket ??= WebSocket
// The packages log for people on standard output, which is for the list.
for (const level of ['debug', 'info', 'log', 'warn']) console[level] = () => {}

const { makeAdapter } = await import('@livestore/adapter-node')
const { createStorePromise } = await import('@livestore/livestore')
const { makeWsSync } = await import('@livestore/sync-cf/client')
const { Effect } = await import('@livestore/utils/effect')
const { events, listed, schema } = await import('./schema.mjs')

/** How long anything waits for the sync backend, in milliseconds. */
const PATIENCE = 5_000

const store = await createStorePromise({
  schema,
  storeId,
  adapter: makeAdapter({
    // Nothing is kept here: the list comes from the sync backend each time.
    storage: { type: 'in-memory' },
    clientId: randomUUID(),
    sync: { backend: makeWsSync({ url }), initialSyncOptions: { _tag: 'Blocking', timeout: PATIENCE } },
  }),
  syncPayload: token === undefined ? undefined : { authToken: token },
  disableDevtools: true,
})

const { isConnected } = await Effect.runPromise(store.networkStatus)
if (!isConnected) fail(`${url} does not answer, or asks for a token`)

const print = (todos) => {
  const lines = todos.map(({ id, text, completed }) => `[${completed ? 'x' : ' '}] ${id}  ${text}\n`)
  process.stdout.write(lines.join('') || 'nothing to do\n')
}

/** Commits an event, and waits until the sync backend has it. */
const commit = async (event, isIt) => {
  const confirmed = (async () => {
    for await (const event of store.events()) if (isIt(event)) return true
  })()
  store.commit(event)
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, false))
  if (!(await Promise.race([confirmed, late]))) fail(`${url} has not taken it`)
}

switch (command) {
  case 'list':
    print(store.query(listed))
    break
  case 'add': {
    const text = words.join(' ').trim()
    if (text === '') fail('the text is empty')
    const id = randomUUID().slice(0, 8)
    await commit(events.todoCreated({ id, text }), ({ name, args }) => name === 'v1.TodoCreated' && args.id === id)
    process.stdout.write(`${id}\n`)
    break
  }
  case 'done': {
    const [id] = words
    if (!store.query(listed).some((todo) => todo.id === id)) fail(`no todo has the id ${id}`)
    await commit(events.todoCompleted({ id }), ({ name, args }) => name === 'v1.TodoCompleted' && args.id === id)
    break
  }
  case 'watch':
    store.subscribe(listed, (todos) => {
      print(todos)
      process.stdout.write('\n')
    })
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
    break
}
await store.shutdownPromise()
process.exit(0)
