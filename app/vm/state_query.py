"""Asks a VM for the state that its monitor's status tells."""

from collections.abc import Callable
from typing import TypeVar

from app.vm.input_sender import Execute
from app.vm.monitor import PointingDevice
from app.vm.peer import CommandError, ProtocolError
from app.vm.replies import parse_pointing, parse_run_state

_T = TypeVar("_T")


async def query_state(execute: Execute) -> tuple[str | None, PointingDevice | None]:
    """QEMU's word for the state, and the active pointing device; None for what the VM cannot tell.

    Raises ProtocolError for an invalid answer, and ConnectionLost.
    """
    return (
        await _query(execute, "query-status", parse_run_state),
        await _query(execute, "query-mice", parse_pointing),
    )


async def _query(execute: Execute, command: str, parse: Callable[[object], _T]) -> _T | None:
    """None if the VM does not know the command."""
    try:
        reply = await execute(command, None)
    except CommandError:
        return None
    try:
        return parse(reply)
    except ValueError:
        raise ProtocolError(f"the VM's answer to {command} is invalid") from None
