"""A command to a VM's monitor that waits for its reply."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.vm.monitor import Reply

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PendingCommand:
    """``done`` is called by the first :meth:`answer`, and then forgotten."""

    name: str
    arguments: Mapping[str, Any] | None = None
    done: Callable[[Reply], None] | None = None

    def answer(self, reply: Reply) -> None:
        """Hand over the reply; more calls do nothing. Never raises, whatever ``done`` raises."""
        done, self.done = self.done, None
        if done is None:
            return
        try:
            done(reply)
        except BaseException:
            # Also SystemExit, which would end the monitor's thread.
            _log.exception("the reply to %s was not handled", self.name)
