// One TypeScript client, driven by lines of JSON on its standard input; it answers and reports in lines of JSON.
// Started with its settings as JSON: {url, transport, storeId, clientId, dir?, payload?, pollMs?, pingMs?}.
import { File } from 'node:buffer'
import readline from 'node:readline'
import { WebSocket } from 'ws'

// Node 18 has no File and Node 20 no WebSocket, and their own fetch does not go with the undici that the packages load.
globalThis.File ??= File
globalThis.WebSocket ??= WebSocket
globalThis.fetch = (await import('undici')).fetch

const { makeAdapter } = await import('@livestore/adapter-node')
const { createStorePromise, queryDb } = await import('@livestore/livestore')
const { makeHttpSync, makeWsSync } = await import('@livestore/sync-cf/client')
const { events, schema, tables } = await import('./schema.mjs')

const settings = JSON.parse(process.argv[2])
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const fail = (error) => {
  say({ type: 'failed', reason: String(error?.stack ?? error) })
  process.exit(1)
}
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const backend =
  settings.transport === 'http'
    ? makeHttpSync({
        url: settings.url,
        livePull: { pollInterval: settings.pollMs ?? 200 },
        ping: { requestInterval: settings.pingMs ?? 10_000 },
      })
    : makeWsSync({ url: settings.url, ping: { requestInterval: settings.pingMs ?? 10_000, requestTimeout: settings.pingMs ?? 10_000 } })

const store = await createStorePromise({
  schema,
  storeId: settings.storeId,
  adapter: makeAdapter({
    storage: settings.dir ? { type: 'fs', baseDirectory: settings.dir } : { type: 'in-memory' },
    clientId: settings.clientId,
    sync: { backend, ...settings.sync },
  }),
  syncPayload: settings.payload,
  disableDevtools: true,
})

const notes$ = queryDb(tables.notes.orderBy('id', 'asc'), { label: 'notes' })
const trail$ = queryDb(tables.trail, { label: 'trail' })
const trail = () => store.query(trail$)[0]?.steps ?? ''

// States are told when the work at hand is done, and not more often.
let isTold = true
let isQuitting = false
const changed = () => {
  if (!isTold) return
  isTold = false
  setImmediate(() => {
    isTold = true
    if (!isQuitting) say({ type: 'state', trail: trail() })
  })
}
store.subscribe(trail$, changed)

const made = ([name, args]) => events[name](args)
const commands = {
  commit: ({ events }) => store.commit(...events.map(made)),
  // Each in a commit of its own, without a pause.
  commits: ({ events }) => {
    for (const event of events) store.commit(made(event))
  },
  list: () => store.query(notes$).map(({ id, text, value }) => [id, text, value]),
  status: () => store.syncStatus(),
  quit: async () => {
    isQuitting = true
    await store.shutdownPromise()
    setImmediate(() => process.exit(0))
  },
}

say({ type: 'ready', node: process.version })
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  try {
    say({ type: 'done', id: command.id, value: (await commands[command.do](command)) ?? null })
  } catch (error) {
    say({ type: 'refused', id: command.id, reason: String(error?.stack ?? error) })
  }
}
// Whoever started this is gone.
process.exit(0)
