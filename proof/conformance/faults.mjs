import { equal, rejects, truthy } from './suite.mjs'

// faults checks, on the simulator alone, that its faults reach the SDK as the
// hosted service's would. admin is the address of the simulator's own API.
export async function faults(s, sdk, box, admin) {
  const { Sandbox } = sdk
  const json = { 'Content-Type': 'application/json' }
  const newest = sdk.version !== '2.45.0'
  const arm = async (fault) => {
    const res = await fetch(`${admin}/_sim/faults`, { method: 'POST', headers: json, body: JSON.stringify(fault) })
    equal(res.status, 200, 'status of the admin API')
  }
  await s.check('429 with Retry-After', async () => {
    await arm({ call: 'get', action: 'rate_limited', retry_after: 1 })
    if (newest) equal((await box.getInfo()).state, 'running', 'state after its own retry')
    else await rejects(box.getInfo(), 'RateLimitError')
  })
  await s.check('429 without Retry-After', async () => {
    await arm({ call: 'create', action: 'limit_reached' })
    await rejects(Sandbox.create(), 'RateLimitError')
  })
  await s.check('503', async () => {
    await arm({ call: 'create', action: 'error', status: 503, message: 'no capacity' })
    await rejects(Sandbox.create(), newest ? 'ServiceBusyError' : 'SandboxError')
  })
  await s.check('504 in plain text', async () => {
    await arm({ call: 'pause', action: 'gateway_timeout' })
    truthy((await rejects(box.pause(), 'SandboxError')).message.includes('upstream request timeout'), 'the text is in the error')
    equal(await box.isRunning(), true, 'isRunning')
  })
  await s.check('an answer that is lost', async () => {
    await arm({ call: 'pause', action: 'answer_lost' })
    await rejects(box.pause(), 'TypeError')
    equal(await box.pause(), false, 'pause again')
    await Sandbox.connect(box.sandboxId)
  })
  await s.check('a time-out that the clock brings', async () => {
    const short = await Sandbox.create({ timeoutMs: 3_600_000 })
    await fetch(`${admin}/_sim/clock/advance`, { method: 'POST', headers: json, body: '{"by":"1h0m1s"}' })
    await rejects(short.getInfo(), 'SandboxNotFoundError')
  })
}
