"""A fake Xen host: what the hypervisor, xenstored and the toolstack (xl) do for the guests and for a backend."""

import importlib
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from app.xen.access import xenstore
from app.xen.access.seam import Store, XenHost
from app.xen.access.xenstore import Xenstore
from tests.xen.direct_store import DirectStore
from tests.xen.event_channels import FakeEventChannels, Ports
from tests.xen.front import PATIENCE_S, wait_until
from tests.xen.grants import FakeGrants
from tests.xen.guest import FakeGuest
from tests.xen.nodes import DisplayConfig, display_nodes, keyboard_nodes
from tests.xen.pages import GrantTable
from tests.xen.store_server import FakeStore
from tests.xen.store_tree import StoreTree

ONE_SCREEN = (DisplayConfig(),)


@dataclass(frozen=True, slots=True)
class FakeHost(XenHost):
    """The opened device files, and the fakes behind them."""

    fake_grants: FakeGrants
    fake_events: FakeEventChannels

    @property
    def is_open(self) -> bool:
        return self.fake_events.fileno() >= 0


class FakeXen:
    """The host. ``close`` destroys its guests; whoever opened a host closes that before."""

    def __init__(self, *, wire: bool = True) -> None:
        """``wire``: stores speak xenstore's protocol; else they are quick (:class:`DirectStore`)."""
        self._wire = wire
        self.tree = StoreTree()
        self.table = GrantTable()
        self.ports = Ports()
        self.hosts: list[FakeHost] = []
        """All that were opened, the closed ones too."""
        self.guests: list[FakeGuest] = []
        self.export_error: int | None = None
        self.import_error: int | None = None
        """What the dma-buf calls of hosts opened later answer; None: as :class:`FakeGrants` begins."""
        self.servers: list[FakeStore] = []
        """A xenstored for each store that was opened and that speaks the wire protocol."""
        self._next_domid = 1
        self.tree.write_all([("/local/domain/0/domid", "0"), ("/local/domain/0/name", "Domain-0")])

    def open_store(self, *_: object) -> Store:
        """In place of :func:`app.xen.access.nodes.open_store`."""
        if not self._wire:
            return DirectStore(self.tree)
        server = FakeStore(self.tree)
        self.servers.append(server)
        return Xenstore(server.client)

    def open_host(self, *_: object) -> FakeHost:
        """In place of :func:`app.xen.access.nodes.open_xen_host`."""
        grants, events = FakeGrants(self.table), FakeEventChannels(self.ports)
        if self.export_error is not None:
            grants.export_error = self.export_error
        if self.import_error is not None:
            grants.import_error = self.import_error
        host = FakeHost(grants, events, self.open_store(), grants, events)
        self.hosts.append(host)
        return host

    def create(
        self,
        name: str = "guest",
        displays: Sequence[DisplayConfig] = ONE_SCREEN,
        *,
        keyboard: bool = False,
        identity: str | None = None,
        kind: str = "",
        absolute: bool = True,
        backend_kind: str = "vinput",
    ) -> FakeGuest:
        """Start a guest, as ``xl create`` does: a PV guest, or a PVH guest if the backend allocates its buffers.

        The kind of its keyboard's backend is "vinput" or "vkbd"; ``absolute`` is ``feature-abs-pointer=1``.
        """
        domid, self._next_domid = self._next_domid, self._next_domid + 1
        identity = identity or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}-{domid}"))
        kind = kind or ("pvh" if any(each.be_alloc for each in displays) else "pv")
        home = f"/local/domain/{domid}"
        self.tree.write_all(
            [
                (f"/libxl/{domid}/type", kind),
                (f"{home}/domid", str(domid)),
                (f"{home}/console/type", "xenconsoled"),
                (f"{home}/name", name),
                (f"{home}/vm", f"/vm/{identity}"),
                (f"/vm/{identity}/uuid", identity),
                (f"/vm/{identity}/name", name),
            ]
        )
        for device, config in enumerate(displays):
            self.tree.write_all(display_nodes(domid, device, config))
        if keyboard:
            self.tree.write_all(keyboard_nodes(domid, 0, backend_kind, absolute))
        guest = FakeGuest(self.tree, self.table, self.ports, domid, name, identity)
        guest.start(len(displays), keyboard=keyboard, backend_kind=backend_kind)
        self.guests.append(guest)
        self.tree.introduce_domain()
        return guest

    def destroy(self, guest: FakeGuest, *, keep_frontend: bool = False, keep_backend: bool = True) -> None:
        """``xl destroy``: the guest is gone at once. xl may leave nodes for a while."""
        guest.die()
        if not keep_frontend:
            self.tree.remove(guest.home)
        if not keep_backend:
            for kind in ("vdispl", "vinput", "vkbd"):
                path = f"/local/domain/0/backend/{kind}/{guest.domid}"
                if self.tree.exists(path):
                    self.tree.remove(path)
        self.tree.release_domain()

    def restart(self, guest: FakeGuest, displays: Sequence[DisplayConfig] = ONE_SCREEN) -> FakeGuest:
        """``xl reboot``: the same name and UUID, another domain."""
        self.destroy(guest, keep_backend=False)
        return self.create(guest.name, displays, keyboard=guest.keyboard is not None, identity=guest.uuid)

    def detach_display(self, guest: FakeGuest, device: int = 0) -> None:
        """The first step of ``xl vdispl-detach``; the toolstack then waits for the backend's state 6."""
        backend = f"/local/domain/0/backend/vdispl/{guest.domid}/{device}"
        self.tree.write_all([(f"{backend}/online", "0"), (f"{backend}/state", "5")])

    def begin_destroy(self, guest: FakeGuest) -> None:
        """The first step of ``xl destroy``; the toolstack then waits for the state 6 of all backends of the guest."""
        self.detach_display(guest)
        self.tree.remove(f"{guest.home}/console")

    def left_over(self) -> dict[str, int]:
        """What the opened hosts hold: mapped pages, exports, granted buffers, bound ports. Zeros are left out."""
        counts = {
            "mapped pages": sum(each.fake_grants.mapped_pages for each in self.hosts),
            "exports": sum(each.fake_grants.exported for each in self.hosts),
            "granted buffers": sum(each.fake_grants.granted_buffers for each in self.hosts),
            "bound ports": sum(each.fake_events.bound for each in self.hosts),
            "watches": len(self.tree.watched()) - sum(each.watches for each in self.guests),
        }
        return {name: count for name, count in counts.items() if count}

    def close(self) -> None:
        for guest in self.guests:
            guest.die()
            guest.domain.close()
        for server in self.servers:
            server.close()
        self.table.revoke_all()


@contextmanager
def fake_xen(*, wire: bool = True, store_patience_s: float = PATIENCE_S) -> Iterator[FakeXen]:
    """A host; at the end nothing may be mapped, bound or watched by whoever opened it.

    ``store_patience_s`` is how long a client waits for xenstored, which is slower here than the real one.
    """
    xen = FakeXen(wire=wire)
    patience = patch.object(xenstore, "WAIT_S", store_patience_s)
    patience.start()
    try:
        yield xen
        # The server of a store sees its client's end a little later.
        wait_until(lambda: xen.left_over() == {}, lambda: str(xen.left_over()))
    finally:
        for each in xen.hosts:
            each.close()
        xen.close()
        patience.stop()


@contextmanager
def opened_everywhere(xen: FakeXen) -> Iterator[None]:
    """Whatever opens /dev/xen opens this host: ``open_xen_host`` and ``open_store`` in all modules of ``app``."""
    importlib.import_module("app.xen.access.nodes")
    found = [
        (module, name)
        for path, module in list(sys.modules.items())
        if path.startswith("app.")
        for name in ("open_xen_host", "open_store")
        if hasattr(module, name)
    ]
    with ExitStack() as stack:
        for module, name in found:
            stack.enter_context(
                patch.object(module, name, xen.open_host if name == "open_xen_host" else xen.open_store)
            )
        yield
