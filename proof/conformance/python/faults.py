"""Checks, on the simulator alone, that its faults reach the SDK as the hosted
service's would."""

import json
import urllib.request

from e2b import SandboxState

from suite import equal, got, rejects, truthy


async def faults(s, sandbox, box, admin):
    def arm(call, action, **more):
        body = json.dumps({"call": call, "action": action, **more}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{admin}/_sim/faults", body, {"Content-Type": "application/json"}, method="POST")) as answer:
            equal(answer.status, 200, "status of the admin API")

    async def rate_limited():
        arm("get", "rate_limited", retry_after=1)
        equal((await got(box.get_info())).state, SandboxState.RUNNING, "state after its own retry")
        arm("create", "limit_reached", times=4)
        await rejects(lambda: sandbox.create(), "RateLimitException")

    async def should_retry():
        arm("get", "error", status=503, should_retry="false")
        await rejects(lambda: box.get_info(), "ServiceBusyException")
        arm("get", "error", status=500, should_retry="true")
        equal((await got(box.get_info())).state, SandboxState.RUNNING, "state after its own retry")

    async def busy():
        arm("pause", "error", status=503, should_retry="false")
        await rejects(lambda: box.pause(), "ServiceBusyException")
        equal(await got(box.is_running()), True, "is_running")

    async def hung():
        for call in (lambda: box.pause(strict=True), lambda: box.pause(mode="filesystem")):
            arm("pause", "hung_guest", times=-1)
            await rejects(call, "ServiceBusyException")
            with urllib.request.urlopen(urllib.request.Request(f"{admin}/_sim/faults", method="DELETE")):
                pass
        arm("pause", "hung_guest")
        equal(await got(box.pause()), True, "pause")
        truthy((await got(box.get_info())).envd_unresponsive_at_pause, "it is marked")
        await rejects(lambda: sandbox.connect(box.sandbox_id), "GuestUnresponsiveException")
        await got(sandbox.connect(box.sandbox_id, timeout=300, on_resume="reboot"))
        equal(await got(box.files.read("before.txt")), "kept", "file")

    async def not_simulated():
        truthy("is not simulated" in str(await rejects(lambda: box.get_metrics(), "SandboxException")), "it is said in words")

    await s.check("429, with and without Retry-After", rate_limited)
    await s.check("Should-Retry", should_retry)
    await s.check("a pause that is put off", busy)
    await s.check("a guest that hung at its pause", hung)
    await s.check("what is not simulated", not_simulated)
