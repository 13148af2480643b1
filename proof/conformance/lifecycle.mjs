import http from 'node:http'
import https from 'node:https'
import { equal, rejects, truthy } from './suite.mjs'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// running checks the calls about a sandbox that runs.
export async function running(s, { Sandbox }, box, tag) {
  await s.check('getInfo of a running sandbox', async () => {
    const info = await box.getInfo()
    equal([info.sandboxId, info.state, info.metadata], [box.sandboxId, 'running', { app: 'x', user: tag }], 'info')
    equal([info.lifecycle.onTimeout, info.lifecycle.autoResume], ['pause', false], 'lifecycle')
    truthy(info.endAt > info.startedAt && info.cpuCount > 0 && info.memoryMB > 0 && info.templateId && info.envdVersion, JSON.stringify(info))
  })
  await s.check('isRunning of a running sandbox', async () => equal(await box.isRunning(), true))
  await s.check('setTimeout extends and shortens', async () => {
    for (const seconds of [900, 120]) {
      await box.setTimeout(seconds * 1000)
      const left = (await box.getInfo()).endAt - Date.now()
      truthy(Math.abs(left - seconds * 1000) < 10_000, `${seconds} s asked for, ${left} ms left`)
    }
  })
  await s.check('connect to a running sandbox never shortens', async () => {
    const before = (await box.getInfo()).endAt
    const again = await Sandbox.connect(box.sandboxId, { timeoutMs: 60_000 })
    equal(again.sandboxId, box.sandboxId, 'id')
    equal((await box.getInfo()).endAt, before, 'endAt')
  })
  await s.check('a preview is reached by its host', async () => {
    await box.files.write('server.mjs', "import http from 'node:http'\nhttp.createServer((q, r) => r.end('app says hello')).listen(3000)\n")
    const server = await box.commands.run('node server.mjs', { background: true, timeoutMs: 0 })
    let got
    for (let i = 0; i < 50 && got?.status !== 200; i++) {
      got = await visit(box.getHost(3000))
      if (got.status !== 200) await sleep(100)
    }
    equal(got, { status: 200, body: 'app says hello' }, 'answer')
    await server.kill()
  })
  await s.check('a closed port answers 502', async () => {
    const got = await visit(box.getHost(3999))
    equal([got.status, JSON.parse(got.body).port, JSON.parse(got.body).sandboxId], [502, 3999, box.sandboxId], 'answer')
  })
}

// pausing checks pause, what a paused sandbox refuses, and connect.
export async function pausing(s, { Sandbox }, box, tag) {
  await box.files.write('before.txt', 'kept')
  const background = await box.commands.run('i=0; while true; do i=$((i+1)); echo $i > ticks; sleep 0.1; done', { background: true, timeoutMs: 0 })
  const attached = background.wait()
  attached.catch(() => {})
  await s.check('pause', async () => equal(await box.pause(), true))
  await s.check('pause again is false', async () => equal(await box.pause(), false))
  await s.check('a command that was attached is told', async () => {
    const error = await attached.then(() => null, (e) => e)
    truthy(error instanceof Error && error.constructor.name !== 'CommandExitError', `it ended with ${error}`)
  })
  await s.check('isRunning of a paused sandbox', async () => equal(await box.isRunning(), false))
  await s.check('getInfo of a paused sandbox', async () => equal((await box.getInfo()).state, 'paused'))
  await s.check('data calls to a paused sandbox', async () => {
    await rejects(box.commands.run('true'), 'SandboxNotFoundError')
    await rejects(box.files.read('before.txt'), 'TimeoutError')
    await rejects(box.files.write('after.txt', 'x'), 'TimeoutError')
    await rejects(box.files.list('.'), 'TimeoutError')
  })
  await s.check('a preview of a paused sandbox answers 502', async () => {
    const got = await visit(box.getHost(3000))
    equal([got.status, JSON.parse(got.body).sandboxId], [502, box.sandboxId], 'answer')
  })
  await s.check('setTimeout of a paused sandbox', async () => {
    await rejects(box.setTimeout(60_000), 'SandboxNotFoundError')
  })
  await s.check('list by metadata finds it as paused', async () => {
    equal(await listed(Sandbox, { metadata: { user: tag }, state: ['paused'] }), [box.sandboxId], 'paused')
    equal(await listed(Sandbox, { metadata: { user: tag }, state: ['running'] }), [], 'running')
    equal(await listed(Sandbox, { metadata: { user: tag, app: 'y' } }), [], 'with another app')
  })
  await s.check('connect resumes it, twice at once too', async () => {
    const both = await Promise.all([1, 2].map(() => Sandbox.connect(box.sandboxId, { timeoutMs: 300_000 })))
    equal(both.map((b) => b.sandboxId), [box.sandboxId, box.sandboxId], 'ids')
    equal([await box.isRunning(), (await box.getInfo()).state], [true, 'running'], 'state')
    equal((await box.getInfo()).metadata.user, tag, 'metadata')
  })
  await s.check('files, environment and processes are as they were', async () => {
    equal(await box.files.read('before.txt'), 'kept', 'file')
    equal((await box.commands.run('echo $FOO')).stdout, 'from-create\n', 'environment')
    const before = Number(await box.files.read('ticks'))
    let after = before
    for (let i = 0; i < 50 && !(after > before); i++) {
      await sleep(100)
      after = Number(await box.files.read('ticks')) // empty for a moment, while it is written
    }
    truthy(after > before, 'the background command goes on')
    const again = await box.commands.connect(background.pid)
    equal(await again.kill(), true, 'kill')
  })
  await s.check('create with a short time pauses by itself', async () => {
    const short = await Sandbox.create({ timeoutMs: 1000, metadata: { user: tag }, lifecycle: { onTimeout: 'pause' } })
    try {
      for (let i = 0; i < 100 && (await short.getInfo()).state !== 'paused'; i++) await sleep(100)
      equal((await short.getInfo()).state, 'paused', 'state')
    } finally {
      await short.kill()
    }
  })
}

// paging checks list's order and pages with sandboxes of its own.
export async function paging(s, { Sandbox }, tag) {
  const boxes = []
  await s.check('list pages through in order', async () => {
    const metadata = { page: tag }
    for (let i = 0; i < 5; i++) boxes.push(await Sandbox.create({ timeoutMs: 60_000, metadata }))
    const newest = boxes.map((b) => b.sandboxId).reverse()
    equal(await listed(Sandbox, { metadata }, { limit: 2 }), newest, 'newest first')
    equal(await listed(Sandbox, { metadata }, { limit: 5 }), newest, 'in one page')
  })
  await Promise.all(boxes.map((b) => b.kill()))
}

// killing checks kill and what a killed or unknown sandbox answers.
export async function killing(s, sdk, box) {
  const { Sandbox } = sdk
  await s.check('kill', async () => equal(await box.kill(), true))
  await s.check('kill again is false', async () => equal(await box.kill(), false))
  await s.check('calls about a killed sandbox', async () => {
    for (const call of [() => box.pause(), () => Sandbox.connect(box.sandboxId), () => box.getInfo(), () => box.setTimeout(1000)]) {
      await rejects(call(), 'SandboxNotFoundError')
    }
    equal(await box.isRunning(), false, 'isRunning')
    await rejects(box.commands.run('true'), 'SandboxNotFoundError')
  })
  await s.check('an unknown template', async () => {
    await rejects(Sandbox.create('no-such-template-of-ours'), 'SandboxError')
  })
  await s.check('a wrong key', async () => {
    await rejects(Sandbox.create({ apiKey: 'e2b_' + '0'.repeat(40) }), 'AuthenticationError')
  })
  await s.check('a malformed id', async () => {
    await rejects(Sandbox.connect('NOT_AN_ID'), 'SandboxError')
  })
}

// listed returns the ids of every page.
async function listed(Sandbox, query, opts = {}) {
  const pages = Sandbox.list({ query, ...opts })
  const ids = []
  while (pages.hasNext) for (const box of await pages.nextItems()) ids.push(box.sandboxId)
  return ids
}

// visit asks a preview as a browser does. Where E2B_SANDBOX_URL says where the
// edge proxy is, that address is dialled and the preview's host only named.
function visit(host) {
  const url = new URL(process.env.E2B_SANDBOX_URL ?? `https://${host}`)
  const client = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const request = client.get(url, { headers: { host }, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => { body += chunk })
      response.on('end', () => resolve({ status: response.statusCode, body }))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}
