"""A command to a VM's monitor that waits for its reply."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.vm.monitor import Reply
from app.vm.peer import Peer
from app.vm.power import PowerAction

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PendingCommand:
    """A command with its name in QMP, or an ``action``. The first :meth:`answer` calls ``done``; later ones do nothing.

    A VM that is forced off may end before it answers: then the lost connection is the answer.
    """

    name: str
    arguments: Mapping[str, Any] | None = None
    done: Callable[[Reply], None] | None = None
    action: PowerAction | None = None

    async def run(self, peer: Peer) -> Any:
        """Give it to the VM. As :meth:`Peer.execute`."""
        if self.action is not None:
            await peer.power(self.action)
            return None
        return await peer.execute(self.name, self.arguments)

    def lost(self, error: str) -> Reply:
        """The reply to a command that was sent, when the connection is lost by this ``error``."""
        return Reply() if self.action is PowerAction.FORCE_OFF else Reply(error=error)

    def answer(self, reply: Reply) -> None:
        """Call ``done`` with the reply; more calls do nothing. Never raises, whatever ``done`` raises."""
        done, self.done = self.done, None
        if done is None:
            return
        try:
            done(reply)
        except BaseException:
            # BaseException, because SystemExit would end the monitor's thread.
            _log.exception("the reply to %s was not handled", self.name)
