"""A command to a VM's monitor that waits for its reply."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.vm.monitor import Reply

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PendingCommand:
    """The first :meth:`answer` calls ``done``; later ones do nothing."""

    name: str
    arguments: Mapping[str, Any] | None = None
    done: Callable[[Reply], None] | None = None

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
