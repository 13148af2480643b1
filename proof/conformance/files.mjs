import { equal, rejects, truthy } from './suite.mjs'

// files checks uploads and downloads in a running sandbox.
export async function files(s, box) {
  await s.check('write and read a text file', async () => {
    const info = await box.files.write('notes.txt', 'grüß dich\n')
    equal([info.name, info.path, info.type], ['notes.txt', '/home/user/notes.txt', 'file'], 'entry')
    equal(await box.files.read('notes.txt'), 'grüß dich\n', 'text')
    equal(await box.files.read('/home/user/notes.txt'), 'grüß dich\n', 'text by its absolute path')
  })
  await s.check('write over a longer file', async () => {
    await box.files.write('long.txt', 'x'.repeat(100_000))
    await box.files.write('long.txt', 'short')
    equal(await box.files.read('long.txt'), 'short', 'text')
  })
  await s.check('write and read an empty file', async () => {
    await box.files.write('empty', '')
    equal(await box.files.read('empty'), '', 'text')
  })
  await s.check('write and read bytes', async () => {
    const bytes = new Uint8Array(300_000).map((_, i) => (i * 7) % 256)
    await box.files.write('data.bin', bytes.buffer)
    truthy(Buffer.from(await box.files.read('data.bin', { format: 'bytes' })).equals(Buffer.from(bytes)), 'the same bytes come back')
  })
  await s.check('write many files at once', async () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ path: `many/${i % 5}/file-${i}.txt`, data: `number ${i}` }))
    const infos = await box.files.write(many)
    equal(infos.length, 50, 'entries')
    equal(infos[7].path, '/home/user/many/2/file-7.txt', 'path')
    equal(await box.files.read('many/4/file-49.txt'), 'number 49', 'text')
  })
  await s.check('write as an octet stream', async () => {
    await box.files.write('octets.txt', 'raw body', { useOctetStream: true })
    equal(await box.files.read('octets.txt'), 'raw body', 'text')
  })
  await s.check('write from a stream', async () => {
    const stream = new Blob(['streamed ', 'body']).stream()
    await box.files.write('streamed.txt', stream)
    equal(await box.files.read('streamed.txt'), 'streamed body', 'text')
  })
  await s.check('write and read with gzip', async () => {
    const text = 'again and again '.repeat(10_000)
    await box.files.write('zipped.txt', text, { gzip: true })
    equal((await box.files.read('zipped.txt')).length, text.length, 'length')
    truthy((await box.files.read('zipped.txt', { gzip: true })) === text, 'gzip on the way back gives the same text')
  })
  await s.check('read as a stream', async () => {
    const stream = await box.files.read('long.txt', { format: 'stream' })
    equal(await new Response(stream).text(), 'short', 'text')
  })
  await s.check('list a folder, also in depth', async () => {
    const flat = (await box.files.list('many')).map((e) => `${e.type} ${e.name}`).sort()
    equal(flat, ['dir 0', 'dir 1', 'dir 2', 'dir 3', 'dir 4'], 'entries')
    equal((await box.files.list('many', { depth: 2 })).length, 55, 'entries in two levels')
  })
  await s.check('stat, make a folder, rename, remove', async () => {
    const info = await box.files.getInfo('long.txt')
    equal([info.name, info.type, Number(info.size)], ['long.txt', 'file', 5], 'info')
    equal(await box.files.makeDir('folder/inner'), true, 'makeDir')
    equal(await box.files.makeDir('folder/inner'), false, 'makeDir again')
    equal((await box.files.rename('long.txt', 'folder/moved.txt')).path, '/home/user/folder/moved.txt', 'path')
    equal([await box.files.exists('long.txt'), await box.files.exists('folder/moved.txt')], [false, true], 'exists')
    await box.files.remove('folder')
    equal(await box.files.exists('folder'), false, 'exists')
    await box.files.remove('folder')
  })
  await s.check('errors of files', async () => {
    await rejects(box.files.read('no-such-file'), 'FileNotFoundError')
    await rejects(box.files.list('no-such-folder'), 'FileNotFoundError')
    await rejects(box.files.read('many'), 'InvalidArgumentError')
    await rejects(box.files.write('many', 'a folder is in the way'), 'InvalidArgumentError')
  })
}
