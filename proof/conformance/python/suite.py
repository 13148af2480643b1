"""The harness: named checks that run one after the other, each with its own time
limit, and a count at the end. One script serves both halves of the SDK: got
waits for what the asynchronous one answers, and takes the other's as it is."""

import asyncio
import inspect

LIMIT = 60  # seconds


class Suite:
    def __init__(self, label):
        self.label, self.passed, self.failed = label, 0, 0

    async def check(self, name, body):
        """Runs body; what it raises is the difference that is printed."""
        try:
            await asyncio.wait_for(body(), LIMIT)
            self.passed += 1
        except Exception as error:
            self.failed += 1
            print(f"{self.label}: {name}: {type(error).__name__}: {error}", flush=True)


async def got(answer):
    return await answer if inspect.isawaitable(answer) else answer


def equal(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what} is {got!r}, want {want!r}")


def truthy(got, what):
    if not got:
        raise AssertionError(f"not so: {what}")


async def rejects(call, name):
    """Demands that call fails with exactly the named class, and returns the error."""
    try:
        result = await got(call())
    except Exception as error:
        if type(error).__name__ != name:
            raise AssertionError(f"it fails with {type(error).__name__}: {error}; want {name}")
        return error
    raise AssertionError(f"it succeeds with {result!r}, want {name}")
