"""Ends tasks of asyncio."""

import asyncio
from typing import Any


async def cancel(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel the tasks, and wait at most a second for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=1.0)
    for task in tasks:
        # asyncio logs an exception that nobody reads.
        if task.done() and not task.cancelled():
            task.exception()
