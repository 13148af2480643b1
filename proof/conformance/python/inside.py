"""Checks files and processes in a running sandbox that was created with
FOO=from-create."""

from suite import equal, got, rejects, truthy


async def files(s, box):
    async def text():
        info = await got(box.files.write("notes.txt", "grüß dich\n"))
        equal([info.name, info.path], ["notes.txt", "/home/user/notes.txt"], "entry")
        equal(await got(box.files.read("notes.txt")), "grüß dich\n", "text")
        await got(box.files.write("notes.txt", ""))
        equal(await got(box.files.read("/home/user/notes.txt")), "", "text")

    async def bytes_():
        data = bytes(i * 7 % 256 for i in range(300_000))
        await got(box.files.write("data.bin", data))
        equal(bytes(await got(box.files.read("data.bin", format="bytes"))) == data, True, "the same bytes come back")

    async def many():
        entries = [{"path": f"many/{i % 5}/file-{i}.txt", "data": f"number {i}"} for i in range(50)]
        infos = await got(box.files.write_files(entries))
        equal([len(infos), infos[7].path], [50, "/home/user/many/2/file-7.txt"], "entries")
        equal(len(await got(box.files.list("many", depth=2))), 55, "entries in two levels")

    async def folders():
        equal([await got(box.files.make_dir("folder/inner")) for _ in range(2)], [True, False], "make_dir, twice")
        equal((await got(box.files.rename("notes.txt", "folder/moved.txt"))).path, "/home/user/folder/moved.txt", "path")
        equal(await got(box.files.exists("notes.txt")), False, "exists")
        equal((await got(box.files.get_info("data.bin"))).size, 300_000, "size")
        await got(box.files.remove("folder"))
        equal(await got(box.files.exists("folder")), False, "exists")

    async def root():
        await got(box.files.write("roots/file.txt", "root's", user="root"))
        result = await got(box.commands.run("cat roots/file.txt; rm -f roots/file.txt || echo refused"))
        equal([result.stdout, await got(box.files.read("roots/file.txt", user="root"))], ["root'srefused\n", "root's"], "output, and text")

    async def errors():
        await rejects(lambda: box.files.read("no-such-file"), "FileNotFoundException")
        await rejects(lambda: box.files.list("no-such-folder"), "FileNotFoundException")
        await rejects(lambda: box.files.write("many", "a folder is in the way"), "InvalidArgumentException")

    await s.check("write and read text", text)
    await s.check("write and read bytes", bytes_)
    await s.check("write many files at once", many)
    await s.check("make a folder, rename, stat, remove", folders)
    await s.check("a file of root's", root)
    await s.check("errors of files", errors)


async def commands(s, box):
    async def run():
        result = await got(box.commands.run("echo out; echo err >&2"))
        equal([result.stdout, result.stderr, result.exit_code], ["out\n", "err\n", 0], "result")
        error = await rejects(lambda: box.commands.run("echo before; exit 3"), "CommandExitException")
        equal([error.exit_code, error.stdout], [3, "before\n"], "error")

    async def environment():
        result = await got(box.commands.run("echo $FOO $BAR $HOME $USER $E2B_SANDBOX; pwd", envs={"BAR": "from-run"}))
        equal(result.stdout, "from-create from-run /home/user user true\n/home/user\n", "output")
        await rejects(lambda: box.commands.run("pwd", cwd="/no/such/folder"), "InvalidArgumentException")

    async def time_out():
        await rejects(lambda: box.commands.run("sleep 30", timeout=0.5), "TimeoutException")

    async def background():
        quick = await got(box.commands.run("sleep 0.2; echo done", background=True))
        equal((await got(quick.wait())).stdout, "done\n", "output")
        slow = await got(box.commands.run("sleep 60", background=True, timeout=0))
        truthy(slow.pid in [p.pid for p in await got(box.commands.list())], "it is listed")
        equal(await got(slow.kill()), True, "kill")
        equal(await got(box.commands.kill(999999)), False, "kill of a pid that is nobody")

    async def reattach():
        first = await got(box.commands.run("for i in 1 2 3 4 5 6; do echo tick $i; sleep 0.2; done", background=True))
        await got(first.disconnect())
        second = await got(box.commands.connect(first.pid))
        result = await got(second.wait())
        equal([result.exit_code, result.stdout.endswith("tick 6\n")], [0, True], "exit code, and the later output came")

    async def stdin():
        cat = await got(box.commands.run("cat", background=True, stdin=True))
        await got(box.commands.send_stdin(cat.pid, "hello cat\n"))
        await got(box.commands.close_stdin(cat.pid))
        equal((await got(cat.wait())).stdout, "hello cat\n", "output")

    await s.check("run: output, errors, exit code", run)
    await s.check("run: environment and folder", environment)
    await s.check("run: the time-out kills", time_out)
    await s.check("background: wait, list, kill", background)
    await s.check("background: reattach by pid", reattach)
    await s.check("stdin: send and close", stdin)
