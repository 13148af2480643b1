"""Checks what the control plane says of a sandbox, from its creation to its end."""

from datetime import datetime, timezone

from e2b import SandboxQuery, SandboxState

from suite import equal, got, rejects, truthy


async def running(s, sandbox, box, tag):
    async def info():
        i = await got(box.get_info())
        equal([i.sandbox_id, i.state, i.metadata], [box.sandbox_id, SandboxState.RUNNING, {"app": "x", "user": tag}], "info")
        equal([i.lifecycle["on_timeout"], i.lifecycle["auto_resume"]], ["pause", False], "lifecycle")
        truthy(i.end_at > i.started_at and i.cpu_count > 0 and i.memory_mb > 0 and i.template_id, str(i))
        equal(await got(box.is_running()), True, "is_running")

    async def set_timeout():
        for seconds in (900, 120):
            await got(box.set_timeout(seconds))
            left = ((await got(box.get_info())).end_at - datetime.now(timezone.utc)).total_seconds()
            truthy(abs(left - seconds) < 10, f"{seconds} s asked for, {left} s left")

    async def connect():
        before = (await got(box.get_info())).end_at
        again = await got(sandbox.connect(box.sandbox_id, timeout=60))
        equal(again.sandbox_id, box.sandbox_id, "id")
        equal((await got(box.get_info())).end_at, before, "end_at")

    async def keyed():
        made = [await got(sandbox.create(timeout=60, idempotency_key=f"key{box.sandbox_id}")) for _ in range(2)]
        equal(made[0].sandbox_id, made[1].sandbox_id, "the second one's id")
        await got(made[0].kill())

    await s.check("get_info and is_running", info)
    await s.check("set_timeout extends and shortens", set_timeout)
    await s.check("connect to a running sandbox never shortens", connect)
    await s.check("a key creates once", keyed)


async def pausing(s, sandbox, box, tag):
    async def pause():
        await got(box.files.write("before.txt", "kept"))
        equal([await got(box.pause()), await got(box.pause())], [True, False], "pause, twice")
        equal((await got(box.get_info())).state, SandboxState.PAUSED, "state")
        equal(await got(box.is_running()), False, "is_running")

    async def asleep():
        await rejects(lambda: box.commands.run("true"), "SandboxNotRunningException")
        await rejects(lambda: box.files.read("before.txt"), "SandboxNotRunningException")
        await rejects(lambda: box.set_timeout(60), "SandboxNotFoundException")

    async def listing():
        paused = SandboxQuery(metadata={"user": tag}, state=[SandboxState.PAUSED])
        equal(await listed(sandbox, paused), [box.sandbox_id], "paused")
        equal(await listed(sandbox, SandboxQuery(metadata={"user": tag, "app": "y"})), [], "with another app")

    async def resume():
        equal((await got(sandbox.connect(box.sandbox_id, timeout=300))).sandbox_id, box.sandbox_id, "id")
        equal(await got(box.files.read("before.txt")), "kept", "file")
        equal((await got(box.commands.run("echo $FOO"))).stdout, "from-create\n", "environment")

    async def reboot():
        sleeper = await got(box.commands.run("sleep 1000", background=True, timeout=0))
        await got(box.pause())
        await got(sandbox.connect(box.sandbox_id, timeout=300, on_resume="reboot"))
        equal(await got(box.files.read("before.txt")), "kept", "file")
        equal([p for p in await got(box.commands.list()) if p.pid == sleeper.pid], [], "processes")

    await s.check("pause, twice", pause)
    await s.check("data calls to a paused sandbox", asleep)
    await s.check("list by metadata finds it as paused", listing)
    await s.check("connect resumes it", resume)
    await s.check("connect reboots it from its files", reboot)


async def paging(s, sandbox, tag):
    boxes = []

    async def order():
        for _ in range(5):
            boxes.append(await got(sandbox.create(timeout=60, metadata={"page": tag})))
        newest = [b.sandbox_id for b in reversed(boxes)]
        equal(await listed(sandbox, SandboxQuery(metadata={"page": tag}), limit=2), newest, "newest first")

    await s.check("list pages through in order", order)
    for b in boxes:
        await got(b.kill())


async def killing(s, sandbox, box):
    async def kill():
        equal([await got(box.kill()), await got(box.kill())], [True, False], "kill, twice")
        for call in (box.pause, box.get_info, lambda: sandbox.connect(box.sandbox_id), lambda: box.set_timeout(1)):
            await rejects(call, "SandboxNotFoundException")
        equal(await got(box.is_running()), False, "is_running")

    async def errors():
        await rejects(lambda: sandbox.create("no-such-template-of-ours"), "SandboxException")
        await rejects(lambda: sandbox.create(api_key="e2b_" + "0" * 40), "AuthenticationException")
        await rejects(lambda: sandbox.connect("NOT_AN_ID"), "SandboxException")

    await s.check("kill, twice, and what is left", kill)
    await s.check("an unknown template, a wrong key, a malformed id", errors)


async def listed(sandbox, query, **opts):
    """The ids of every page."""
    pages, ids = sandbox.list(query=query, **opts), []
    while pages.has_next:
        ids += [i.sandbox_id for i in await got(pages.next_items())]
    return ids
