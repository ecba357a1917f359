"""Tests of coroutines do not depend on the tests that ran before them."""

import asyncio

from tests.event_loop import run


async def answer() -> int:
    await asyncio.sleep(0)
    return 3


def test_a_coroutine_runs():
    assert run(answer) == 3


def test_a_coroutine_runs_beside_a_running_loop():
    async def nested() -> int:
        asyncio.get_running_loop()
        return run(answer)

    assert run(nested) == 3
