// Runs one version of E2B's official SDK, unmodified, through every call that
// a sandbox's lifecycle needs: node run.mjs <package>. The SDK reads where to
// go from E2B_API_URL, E2B_API_KEY and E2B_SANDBOX_URL. SIM_ADMIN_URL, if set,
// is the admin API of a simulator, whose faults are then checked too.
import { readFileSync } from 'node:fs'
import { Suite } from './suite.mjs'
import { files } from './files.mjs'
import { commands } from './commands.mjs'
import { running, pausing, paging, killing } from './lifecycle.mjs'
import { faults } from './faults.mjs'

const name = process.argv[2] ?? 'e2b'
const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url)))
const sdk = { ...(await import(name)), version }
const s = new Suite(`e2b ${version}`)
const tag = `a b&c=d/${version}/${Date.now()}` // needs every layer of encoding

const box = await sdk.Sandbox.create({
  timeoutMs: 300_000,
  metadata: { app: 'x', user: tag },
  envs: { FOO: 'from-create' },
  lifecycle: { onTimeout: 'pause', autoResume: false },
})
try {
  await running(s, sdk, box, tag)
  await files(s, box)
  await commands(s, box)
  await pausing(s, sdk, box, tag)
  await paging(s, sdk, tag)
  if (process.env.SIM_ADMIN_URL) await faults(s, sdk, box, process.env.SIM_ADMIN_URL)
} finally {
  await killing(s, sdk, box)
}
console.log(`${s.label}: ${s.passed} passed, ${s.failed} failed`)
process.exit(s.failed ? 1 : 0)
