"""What a driver in a fake guest has of its domain: memory, grants, ports, xenstore."""

import mmap
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tests.xen.event_channels import Ports
from tests.xen.grants import FakeMapping
from tests.xen.pages import GrantTable, new_memory, pages_of
from tests.xen.store_tree import StoreTree


@dataclass(eq=False)
class SharedMemory:
    """Memory of the guest that is granted to domain 0. ``data`` is writable."""

    data: mmap.mmap
    refs: tuple[int, ...]


class Domain:
    """Grants and ports of one domain."""

    def __init__(self, tree: StoreTree, table: GrantTable, ports: Ports, domid: int) -> None:
        self.tree = tree
        self.table = table
        self.ports = ports
        self.domid = domid
        self.alive = True
        self._shared: list[SharedMemory] = []

    def share(self, size: int, *, writable: bool = True) -> SharedMemory:
        """New memory of ``size`` bytes, one buffer, that domain 0 may map."""
        fd = new_memory(size)
        try:
            refs = self.table.grant(self.domid, fd, pages_of(size), 0, writable=writable)
            memory = SharedMemory(mmap.mmap(fd, pages_of(size) * mmap.PAGESIZE), refs)
        finally:
            os.close(fd)
        self._shared.append(memory)
        return memory

    def end_access(self, memory: SharedMemory) -> None:
        self.table.revoke(self.domid, memory.refs)

    def free(self, memory: SharedMemory) -> None:
        """End the access and forget the memory here; mappings of it stay."""
        self.end_access(memory)
        self._shared.remove(memory)
        memory.data.close()

    def map(self, refs: Sequence[int]) -> FakeMapping:
        """Map pages that domain 0 granted. Raises OSError(EINVAL)."""
        runs = self.table.runs(0, refs, self.domid, writable=True)
        return FakeMapping(runs, True, lambda _: None)

    def die(self) -> None:
        """Ports and grants end. Mappings of its pages stay."""
        self.alive = False
        self.ports.close_all(self.domid)
        self.table.revoke_all(self.domid)

    def close(self) -> None:
        """Close what this process holds of the memory."""
        shared, self._shared = self._shared, []
        for each in shared:
            each.data.close()


class Channel:
    """One shared page and its event channel, the guest's end. ``raised`` counts the events that came."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.memory = domain.share(mmap.PAGESIZE)
        self.changed = threading.Condition()
        self.raised = 0
        self.open = True
        self.port = domain.ports.allocate(domain.domid, 0, self._raise)

    @property
    def page(self) -> mmap.mmap:
        return self.memory.data

    @property
    def ref(self) -> int:
        return self.memory.refs[0]

    def _raise(self) -> None:
        with self.changed:
            self.raised += 1
            self.changed.notify_all()

    def notify(self) -> None:
        """Nothing if the channel is closed."""
        # The domain may end meanwhile.
        with suppress(OSError):
            self.domain.ports.notify(self.domain.domid, self.port)

    def close(self) -> None:
        with self.changed:
            if not self.open:
                return
            self.open = False
            self.changed.notify_all()
        if self.domain.alive:
            self.domain.ports.close(self.domain.domid, self.port)
            self.domain.end_access(self.memory)
