"""The states of one device in xenstore, from this end: when to connect, when to let go, and how it ended.

Front ends: ``drivers/gpu/drm/xen/xen_drm_front.c``, ``drivers/input/misc/xen-kbdfront.c``,
``drivers/xen/xenbus/xenbus_probe.c`` (``xenbus_dev_shutdown``).
"""

import errno
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto

from app.xen.abi.xenbus import (
    XenbusStateClosed,
    XenbusStateClosing,
    XenbusStateConnected,
    XenbusStateInitialised,
    XenbusStateInitialising,
    XenbusStateInitWait,
    XenbusStateReconfiguring,
    XenbusStateUnknown,
)
from app.xen.access.seam import Store, WatchEvent
from app.xen.backend.claim import CLAIM_NODE, is_claimed, own_claim
from app.xen.backend.device import Device
from app.xen.backend.guest_error import GuestError
from app.xen.backend.node_number import node_number

CLOSING_NS = 300_000_000
"""How long this end stays at Closing after the front end began to close. A guest that powers off waits up to 5 s for
that state; a driver that is unloaded waits up to 1 s for InitWait."""

LOOKS = 50
LOOKS_NS = 100_000_000
"""So many looks are made in such a time at most: a guest may write its state thousands of times a second."""

_RELEASE = "@releaseDomain"
"""Its watch fires when any domain ends."""


class Step(Enum):
    """What the driver of the device does now."""

    WAIT = auto()
    CONNECT = auto()
    """Read the front end's nodes, map and bind, then :meth:`Connection.connected` or :meth:`Connection.refuse`."""

    DISCONNECT = auto()
    """Unmap and unbind everything of the guest, then :meth:`Connection.disconnected`."""

    END = auto()
    """Unmap and unbind everything, then :meth:`Connection.close`. :attr:`Connection.ended` says why."""


class Ended(Enum):
    DOMAIN_GONE = auto()
    DETACHED = auto()
    """The toolstack took the device away; it also does so first when it destroys the guest."""

    TAKEN_OVER = auto()
    """Another process serves the device."""


class _Phase(Enum):
    NEW = auto()
    IDLE = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    RELEASING = auto()
    CLOSING = auto()
    CLOSED = auto()


class Connection:
    """One device from :meth:`open` to :meth:`close`. Used by one thread. All calls but close raise OSError.

    After each event that it :meth:`concerns`, and at :attr:`deadline_ns`, the driver calls :meth:`look` once.
    """

    def __init__(
        self,
        store: Store,
        device: Device,
        nodes: Sequence[tuple[str, str]],
        *,
        claim: Callable[[], str] = own_claim,
        is_claimed: Callable[[str], bool] = is_claimed,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``nodes``: name and text below the backend's path, written before the front end is asked to connect."""
        self._store = store
        self._device = device
        self._nodes = tuple(nodes)
        self._make_claim = claim
        self._is_claimed = is_claimed
        self._now_ns = now_ns
        self._claim = ""
        self._phase = _Phase.NEW
        self._written = XenbusStateUnknown
        self._refused = False
        self.front_state: int | None = None
        """The front end's state when it was last looked at; None: it has no nodes."""

        self.follows_killed = False
        """Whether the backend before this one did not close the device; known after :meth:`open`."""

        self.ended: Ended | None = None
        self._closing_until_ns: int | None = None
        self._has_announced = False
        self._looks = 0
        self._looks_since_ns = now_ns()
        self._put_off = False

    @property
    def token(self) -> str:
        return f"{self._device.kind.front_name}/{self._device.domid}/{self._device.number}"

    @property
    def deadline_ns(self) -> int | None:
        """When to look again though no event came, in the clock's nanoseconds."""
        times = [self._closing_until_ns, self._looks_since_ns + LOOKS_NS if self._put_off else None]
        return min((each for each in times if each is not None), default=None)

    def concerns(self, event: WatchEvent) -> bool:
        return event.token == self.token

    def open(self) -> None:
        """Claim the device, write the nodes and InitWait, watch.

        Raises OSError: ENOENT, there is no such device; EBUSY, another backend serves it.
        """
        self._claim = self._make_claim()
        self._check_free()
        backend = self._device.backend
        self._phase = _Phase.IDLE
        self._written = XenbusStateInitWait
        try:
            self._store.write(
                [
                    (f"{backend}/{CLAIM_NODE}", self._claim),
                    *((f"{backend}/{name}", text) for name, text in self._nodes),
                    (f"{backend}/state", str(XenbusStateInitWait)),
                ]
            )
            for path in self._watched():
                self._store.watch(path, self.token)
            # Not for a driver domain: it learns of the guest's end by its nodes.
            with suppress(PermissionError):
                self._store.watch(_RELEASE, self.token)
        except OSError:
            self.close()
            raise

    def look(self) -> Step:
        """Read the states once and say what to do. The same step is not said twice, except END.

        After :data:`LOOKS` in a short time it reads nothing and says WAIT; :attr:`deadline_ns` says until when.
        """
        if self._is_too_often():
            return Step.WAIT
        if self.ended is None:
            self.ended = self._end()
        if self.ended is not None:
            return Step.END
        before, self.front_state = self.front_state, self._front_state()
        match self._phase:
            case _Phase.IDLE:
                return self._idle(before)
            case _Phase.CONNECTED if self._has_left(before):
                self._phase = _Phase.RELEASING
                return Step.DISCONNECT
            case _Phase.CLOSING:
                self._finish_closing()
        return Step.WAIT

    def connected(self) -> None:
        """The driver has mapped and bound everything: write Connected."""
        self._phase = _Phase.CONNECTED
        self._write_state(XenbusStateConnected)

    def refuse(self) -> None:
        """The driver could not connect: wait until the front end has left its state, then try again."""
        self._phase = _Phase.IDLE
        self._refused = True

    def disconnected(self) -> None:
        """The driver has let everything go: be ready for the front end's next connection."""
        if self.front_state == XenbusStateClosing:
            self._phase = _Phase.CLOSING
            self._closing_until_ns = self._now_ns() + CLOSING_NS
            self._write_state(XenbusStateClosing)
        else:
            self._phase = _Phase.IDLE
            self._write_state(XenbusStateInitWait)

    def front_text(self, name: str) -> str | None:
        """A node of the front end, whose text the guest chose; None: it does not exist."""
        return self._read(f"{self._device.frontend}/{name}")

    def front_number(self, name: str, least: int = 0, most: int = 0xFFFFFFFF) -> int:
        """A number among the front end's nodes. Raises GuestError if it is missing, no number or out of range."""
        text = self.front_text(name)
        if text is None:
            raise GuestError("a node is missing")
        return node_number(text, least, most)

    def domain_lives(self) -> bool:
        """True also where this domain may not see the guest's: a driver domain."""
        try:
            return self._read(self._device.domain) is not None
        except PermissionError:
            return True

    def announce_close(self) -> None:
        """Write the state of the close while the driver still serves the guest. Raises OSError."""
        if self._phase not in (_Phase.NEW, _Phase.CLOSED) and not self._has_announced:
            self._write_close()
            self._has_announced = True

    def is_used(self) -> bool:
        """Whether the front end still is connected: it may ask for something. Raises OSError."""
        return self._front_state() == XenbusStateConnected

    def front_holds_memory(self) -> bool:
        """Whether the front end may still have memory of this end mapped. Raises OSError.

        ``displback_disconnect`` and ``xen_drm_drv_release`` (xen_drm_front.c): after Closed it is Reconfiguring until
        no program of the guest has the card open, then Initialising.
        """
        return self.domain_lives() and self._front_state() in (XenbusStateConnected, XenbusStateReconfiguring)

    def has_console(self) -> bool:
        """Whether the domain has a console. xl gives every guest one, and takes it only when it ends the domain.

        ``libxl__devices_destroy`` (libxl_device.c) removes it at once, and waits up to 10 s for other devices.
        """
        try:
            return self._read(f"{self._device.domain}/console") is not None
        except PermissionError:
            return False

    def close(self) -> None:
        """Give the device back. The driver has unmapped everything. Never raises; may be called twice."""
        if self._phase in (_Phase.NEW, _Phase.CLOSED):
            return
        self._phase = _Phase.CLOSED
        for path in (*self._watched(), _RELEASE):
            with suppress(OSError):
                self._store.unwatch(path, self.token)
        if self.ended is Ended.TAKEN_OVER:
            return
        if not self._has_announced:
            with suppress(OSError):
                self._write_close()
        with suppress(OSError):
            if self._read(f"{self._device.backend}/{CLAIM_NODE}") == self._claim:
                self._store.remove(f"{self._device.backend}/{CLAIM_NODE}")

    def _watched(self) -> tuple[str, ...]:
        return self._device.backend, f"{self._device.frontend}/state"

    def _check_free(self) -> None:
        state = self._read(f"{self._device.backend}/state")
        if state is None:
            raise OSError(errno.ENOENT, "the guest has no such device")
        claim = self._read(f"{self._device.backend}/{CLAIM_NODE}")
        both_connected = state == str(XenbusStateConnected) and self._front_state() == XenbusStateConnected
        if claim == self._claim:
            return
        if self._is_claimed(claim) if claim is not None else both_connected:
            raise OSError(errno.EBUSY, "another backend serves the device")
        self.follows_killed = claim is not None

    def _end(self) -> Ended | None:
        backend = self._device.backend
        state = self._read(f"{backend}/state")
        if not self.domain_lives():
            return Ended.DOMAIN_GONE
        if state is None or self._read(f"{backend}/online") == "0":
            return Ended.DETACHED
        claim = self._read(f"{backend}/{CLAIM_NODE}")
        if claim not in (None, self._claim):
            return Ended.TAKEN_OVER
        if state != str(self._written) and state in (str(XenbusStateClosing), str(XenbusStateClosed)):
            return Ended.DETACHED
        return None

    def _idle(self, before: int | None) -> Step:
        ready = self.front_state in self._device.kind.ready
        if ready and not self._refused:
            self._phase = _Phase.CONNECTING
            return Step.CONNECT
        if not ready:
            self._refused = False
        if self.front_state == XenbusStateInitialising != before:
            # A front end that was Reconfiguring did not act on InitWait; it acts on the write, not on a new value.
            self._write_state(XenbusStateInitWait)
        return Step.WAIT

    def _is_too_often(self) -> bool:
        now_ns = self._now_ns()
        if now_ns - self._looks_since_ns >= LOOKS_NS:
            self._looks, self._looks_since_ns = 0, now_ns
        self._put_off = self._looks >= LOOKS
        self._looks += not self._put_off
        return self._put_off

    def _has_left(self, before: int | None) -> bool:
        if self.front_state == XenbusStateInitialised:
            return before == XenbusStateConnected
        return self.front_state != XenbusStateConnected

    def _finish_closing(self) -> None:
        if self.front_state != XenbusStateClosing or self._now_ns() >= (self._closing_until_ns or 0):
            self._closing_until_ns = None
            self._phase = _Phase.IDLE
            self._write_state(XenbusStateInitWait)

    def _front_state(self) -> int | None:
        text = self.front_text("state")
        if text is None:
            return None
        try:
            return node_number(text)
        except GuestError:
            return XenbusStateUnknown

    def _write_close(self) -> None:
        detached = self.ended is Ended.DETACHED
        self._write_state(XenbusStateClosed if detached else self._device.kind.closed)

    def _write_state(self, state: int) -> None:
        """Nothing if the device's nodes are gone: a write would make them again."""
        path = f"{self._device.backend}/state"
        if self._read(path) is not None:
            self._written = state
            self._store.write([(path, str(state))])

    def _read(self, path: str) -> str | None:
        try:
            return self._store.read(path)
        except FileNotFoundError:
            return None
