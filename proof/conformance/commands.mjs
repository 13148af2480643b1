import { equal, rejects, truthy } from './suite.mjs'

// commands checks processes in a running sandbox that was created with
// FOO=from-create.
export async function commands(s, box) {
  await s.check('run: output, errors, exit code 0', async () => {
    const got = await box.commands.run('echo out; echo err >&2')
    equal([got.stdout, got.stderr, got.exitCode], ['out\n', 'err\n', 0], 'result')
  })
  await s.check('run: another exit code raises CommandExitError', async () => {
    const error = await rejects(box.commands.run('echo before; exit 3'), 'CommandExitError')
    equal([error.exitCode, error.stdout], [3, 'before\n'], 'error')
  })
  await s.check('run: an unknown command is exit code 127', async () => {
    equal((await rejects(box.commands.run('no-such-command'), 'CommandExitError')).exitCode, 127, 'exit code')
  })
  await s.check('run: environment of create and of the command, folder and user', async () => {
    const got = await box.commands.run('echo $FOO $BAR $HOME $USER; pwd', { envs: { BAR: 'from-run' } })
    equal(got.stdout, 'from-create from-run /home/user user\n/home/user\n', 'output')
    await box.files.makeDir('sub')
    equal((await box.commands.run('pwd', { cwd: 'sub' })).stdout, '/home/user/sub\n', 'folder')
    equal((await box.commands.run('echo $FOO', { envs: { FOO: 'over' } })).stdout, 'over\n', 'overridden')
  })
  await s.check('run: a folder that is missing', async () => {
    await rejects(box.commands.run('pwd', { cwd: '/no/such/folder' }), 'InvalidArgumentError')
  })
  await s.check('run: output comes as it is made', async () => {
    const parts = []
    await box.commands.run('echo one; sleep 0.3; echo two', { onStdout: (text) => { parts.push(text) } })
    equal(parts, ['one\n', 'two\n'], 'parts')
  })
  await s.check('run: a lot of output', async () => {
    const got = await box.commands.run('seq 1 200000')
    equal([got.stdout.length, got.stdout.slice(-7)], [1288895, '200000\n'], 'length and end')
  })
  await s.check('run: the time-out kills', async () => {
    await rejects(box.commands.run('sleep 30', { timeoutMs: 500 }), 'TimeoutError')
    const left = 'for i in $(seq 50); do pgrep -x sleep >/dev/null || exit 1; sleep 0.1; done' // its own sleep is not counted: pgrep runs between
    equal((await rejects(box.commands.run(left), 'CommandExitError')).exitCode, 1, 'exit code once it is gone')
  })
  await s.check('background: wait, kill, list', async () => {
    const quick = await box.commands.run('sleep 0.2; echo done', { background: true })
    equal((await quick.wait()).stdout, 'done\n', 'output')
    const slow = await box.commands.run('sleep 60', { background: true, timeoutMs: 0 })
    truthy((await box.commands.list()).some((p) => p.pid === slow.pid && p.cmd === '/bin/bash'), 'it is listed')
    equal(await slow.kill(), true, 'kill')
    await rejects(slow.wait(), 'CommandExitError')
    equal(await box.commands.kill(999999), false, 'kill of a pid that is nobody')
  })
  await s.check('background: reattach by pid', async () => {
    const first = await box.commands.run('for i in 1 2 3 4 5 6; do echo tick $i; sleep 0.2; done', { background: true })
    await first.disconnect()
    const second = await box.commands.connect(first.pid)
    const got = await second.wait()
    equal(got.exitCode, 0, 'exit code')
    truthy(got.stdout.endsWith('tick 6\n'), `the later output came: ${JSON.stringify(got.stdout)}`)
    await rejects(box.commands.connect(999999), 'NotFoundError')
  })
  await s.check('stdin: send and close', async () => {
    const cat = await box.commands.run('cat', { background: true, stdin: true })
    await box.commands.sendStdin(cat.pid, 'hello ')
    await cat.sendStdin('cat\n')
    await cat.closeStdin()
    equal((await cat.wait()).stdout, 'hello cat\n', 'output')
  })
}
