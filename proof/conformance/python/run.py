"""Runs E2B's official Python SDK, unmodified, through every call that a
sandbox's lifecycle needs: run.py sync|async. The SDK reads where to go from
E2B_API_URL, E2B_API_KEY and E2B_SANDBOX_URL. SIM_ADMIN_URL, if set, is the
admin API of a simulator, whose faults are then checked too."""

import asyncio
import os
import sys
import time
from importlib.metadata import version

import e2b

from faults import faults
from inside import commands, files
from lifecycle import killing, paging, pausing, running
from suite import Suite, got


async def main(half):
    sandbox = {"sync": e2b.Sandbox, "async": e2b.AsyncSandbox}[half]
    s = Suite(f"e2b {version('e2b')} of Python, {half}")
    tag = f"a b&c=d/{half}/{time.time_ns()}"  # needs every layer of encoding
    box = await got(sandbox.create(
        timeout=300, metadata={"app": "x", "user": tag}, envs={"FOO": "from-create"},
        lifecycle={"on_timeout": "pause", "auto_resume": False},
    ))
    try:
        await running(s, sandbox, box, tag)
        await files(s, box)
        await commands(s, box)
        await pausing(s, sandbox, box, tag)
        await paging(s, sandbox, tag)
        if os.environ.get("SIM_ADMIN_URL"):
            await faults(s, sandbox, box, os.environ["SIM_ADMIN_URL"])
    finally:
        await killing(s, sandbox, box)
    print(f"{s.label}: {s.passed} passed, {s.failed} failed", flush=True)
    return 1 if s.failed else 0


# The threads of the SDK's transport may abort an interpreter that ends in order.
os._exit(asyncio.run(main(sys.argv[1])))
