"""A fake guest: its domain, and the drivers of its PV devices."""

from tests.xen.display_front import DisplayFront
from tests.xen.domain import Domain
from tests.xen.event_channels import Ports
from tests.xen.keyboard_front import KeyboardFront
from tests.xen.pages import GrantTable
from tests.xen.store_tree import StoreTree


class FakeGuest:
    """``displays`` and ``keyboard`` are its drivers, which follow the states of their backends by themselves."""

    def __init__(self, tree: StoreTree, table: GrantTable, ports: Ports, domid: int, name: str, identity: str) -> None:
        self.domain = Domain(tree, table, ports, domid)
        self.domid = domid
        self.name = name
        self.uuid = identity
        self.home = f"/local/domain/{domid}"
        self.displays: list[DisplayFront] = []
        self.keyboard: KeyboardFront | None = None

    @property
    def display(self) -> DisplayFront:
        """The first display."""
        return self.displays[0]

    @property
    def watches(self) -> int:
        """The nodes that its drivers watch."""
        return sum(each.watching for each in (*self.displays, *([self.keyboard] if self.keyboard else [])))

    def start(self, displays: int, *, keyboard: bool, backend_kind: str) -> None:
        self.displays = [DisplayFront(self.domain, device) for device in range(displays)]
        if keyboard:
            self.keyboard = KeyboardFront(self.domain, 0, backend_kind)

    def die(self) -> None:
        """The domain is destroyed: nothing of it answers, its pages stay with whoever mapped them."""
        for each in self.displays:
            each.die()
        if self.keyboard is not None:
            self.keyboard.die()
        self.domain.die()
