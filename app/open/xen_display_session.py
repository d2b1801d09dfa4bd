"""Makes a session of a screen of a Xen guest's PV display."""

import errno
from collections.abc import Callable

from app.errors import DeviceBusy, MdevviewError, OpenFailed, error_text
from app.open.no_resolution import NoResolution
from app.open.session import ConsoleChoice, Session
from app.open.xen_documents import describe_screen
from app.open.xen_guests import XenChoice, guest_words
from app.open.xen_input import guest_input
from app.vm.input_route import TrackedRoute
from app.xen.access.seam import XenHost
from app.xen.display.display_source import VdisplSource

_FIXED_SIZE = NoResolution(
    "the size of a Xen guest's screen is fixed while it runs", "change connectors= in its xl configuration"
)


def open_screen(choice: XenChoice, host: XenHost, release_host: Callable[[], None]) -> Session:
    """Serve a screen. Calls ``release_host`` once it is done with the host, also before it raises an MdevviewError."""
    guest = choice.guest
    # Before the display's thread has the store.
    route = guest_input(host.store, choice)
    try:
        source = VdisplSource(
            host, guest.domid, choice.display.device, choice.connector.number, release_host=release_host
        )
    except ValueError as error:
        raise DeviceBusy(
            f"connector {choice.connector.number} of {guest_words(guest)} is open in this program already",
            "close its other window",
        ) from error
    except OSError as error:
        raise _not_served(choice, error) from error
    return Session(
        target=choice.target,
        label=_label(choice),
        source=source,
        vgpu=None,
        vm=None,
        resolution=_FIXED_SIZE,
        input=TrackedRoute(route),
        describe=lambda: describe_screen(choice),
        ended=source.ended,
        buffers=source.buffers,
        display_facts=source.display_facts,
        consoles=lambda: _consoles(choice),
        guest_name=guest.name,
    )


def _not_served(choice: XenChoice, error: OSError) -> MdevviewError:
    who = guest_words(choice.guest)
    if error.errno == errno.EBUSY:
        return DeviceBusy(f"another program serves the display of {who}", "close it there first")
    return OpenFailed(f"the display of {who} cannot be served: {error_text(error)}")


def _label(choice: XenChoice) -> str:
    guest = choice.guest
    name = guest.name or f"domain {guest.domid}"
    several = sum(len(each.connectors) for each in guest.displays) > 1
    return f"{name}, {_screen_words(choice)}" if several else name


def _screen_words(choice: XenChoice) -> str:
    connector = f"connector {choice.connector.number}"
    return f"display {choice.display.device}, {connector}" if len(choice.guest.displays) > 1 else connector


def _consoles(choice: XenChoice) -> tuple[ConsoleChoice, ...]:
    choices = (
        XenChoice(choice.guest, display, each, choice.name_is_unique)
        for display in choice.guest.displays
        for each in display.connectors
    )
    return tuple(_console(each, shown=each == choice) for each in choices)


def _console(choice: XenChoice, *, shown: bool) -> ConsoleChoice:
    words, connector = _screen_words(choice), choice.connector
    size = f"{connector.width} × {connector.height}" if connector.width else "size unknown"
    return ConsoleChoice(f"{words[0].upper()}{words[1:]}: {size}", choice.target, shown)
