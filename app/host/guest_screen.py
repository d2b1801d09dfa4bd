"""A screen of a Xen guest in the lists of this host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestScreen:
    """A connector of a guest's PV display, as xenstore tells it.

    ``target`` is the TARGET that opens it. ``kind`` is "pv", "pvh" or "hvm", empty if that is not told. ``width`` and
    ``height`` are pixels, both 0 if unknown. ``served``: some backend serves the display now. ``why_not`` says why it
    cannot be shown; empty if it can.
    """

    target: str
    name: str
    domid: int
    kind: str
    device: int
    connector: int
    width: int
    height: int
    served: bool
    why_not: str = ""

    @property
    def size_text(self) -> str:
        """``1024x768``, or ``-``."""
        return f"{self.width}x{self.height}" if self.width else "-"


def guest_text(screen: GuestScreen) -> str:
    """The guest in messages: ``Xen guest web (domain 4, PVH)``."""
    kind = f", {screen.kind.upper()}" if screen.kind else ""
    return f"Xen guest {screen.name or 'without a name'} (domain {screen.domid}{kind})"
