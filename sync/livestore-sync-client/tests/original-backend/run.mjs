// node run.mjs PORT DIR: serves the sync backend of TypeScript LiveStore on 127.0.0.1 with its data in DIR, says READY when it does,
// and ends when its input does: nothing is left behind by a test that is killed.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const here = path.dirname(fileURLToPath(import.meta.url))
const [port, dir] = process.argv.slice(2)
const cli = path.join(here, 'node_modules/wrangler/wrangler-dist/cli.js')
const args = ['--no-warnings', cli, 'dev', '--config', path.join(here, 'wrangler.toml'), '--local', '--ip', '127.0.0.1']
args.push('--port', port, '--inspector-port', '0', '--persist-to', dir)
const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG_PATH: path.join(dir, 'logs') }
const server = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'], env })

let said = ''
const hear = (data) => {
  said = (said + data).slice(-4000)
  if (String(data).includes('Ready on')) console.log('READY')
}
server.stdout.on('data', hear)
server.stderr.on('data', hear)
server.on('exit', (code) => {
  if (code) console.log(`FAILED ${code}: ${said}`)
  process.exit(code ?? 1)
})
const stop = () => server.kill('SIGTERM')
process.stdin.on('end', stop).resume()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
