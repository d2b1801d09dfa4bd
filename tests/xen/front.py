"""The xenbus states of a front end. It reacts at once, in the thread that wrote the backend's state."""

import time
from collections.abc import Callable

from tests.xen.domain import Domain
from tests.xen.store_tree import Watch

PATIENCE_S = 30.0


class Front:
    """A device of the guest that watches its backend's state; what it does then is a subclass's."""

    def __init__(self, domain: Domain, kind: str, backend_kind: str, device: int) -> None:
        self.domain = domain
        self.tree = domain.tree
        self.path = f"/local/domain/{domain.domid}/device/{kind}/{device}"
        self.backend = f"/local/domain/0/backend/{backend_kind}/{domain.domid}/{device}"
        self.history: list[int] = []
        """The states that this front end had."""
        self.dead = False
        self._watch: Watch | None = None

    def begin(self) -> None:
        """Watch the backend."""
        self._watch = self.tree.watch(f"{self.backend}/state", "front", self._fired)

    @property
    def watching(self) -> bool:
        return self._watch is not None

    def _fired(self, path: str, token: str) -> None:
        # The tree's lock is held: nothing else changes a state meanwhile.
        if not self.dead:
            self.backend_changed(int(self.tree.get(f"{self.backend}/state", "0")))

    def backend_changed(self, state: int) -> None:
        raise NotImplementedError

    @property
    def state(self) -> int:
        """0 for a text that is no state: tests write such."""
        text = self.tree.get(f"{self.path}/state", "0")
        return int(text) if text.isdecimal() else 0

    @property
    def backend_state(self) -> int:
        return int(self.tree.get(f"{self.backend}/state", "0"))

    def switch(self, state: int) -> None:
        self.history.append(state)
        self.tree.write(f"{self.path}/state", str(state))

    def wait_state(self, state: int) -> None:
        """Until this front end has the state."""
        wait_until(lambda: self.state == state, lambda: f"state {state}: {self.tree.below(self.path)}")

    def wait_backend_state(self, *states: int) -> None:
        wait_until(lambda: self.backend_state in states, lambda: f"{states}: {self.tree.below(self.backend)}")

    def die(self) -> None:
        self.dead = True
        watch, self._watch = self._watch, None
        if watch is not None:
            self.tree.unwatch(watch)


def wait_until(reached: Callable[[], object], wanted: Callable[[], str], patience_s: float = PATIENCE_S) -> None:
    """Raises AssertionError with the text of ``wanted``."""
    end = time.monotonic() + patience_s
    while not reached():
        assert time.monotonic() < end, wanted()
        time.sleep(0.001)
