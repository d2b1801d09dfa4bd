"""Which guest, and which of its screens, a TARGET of Xen means."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import AmbiguousTarget, NoSuchDevice, OpenFailed, error_text
from app.open.xen_target import DISPLAY_FORM, XenScreen, is_domid
from app.text.clean import clean
from app.xen.access.seam import Store
from app.xen.display.lookup import XenConnector, XenDisplay, XenGuest, find_guest, own_domid, why_not_served

CONFIG_LINE = "vdispl=['backend=0,be-alloc=0,connectors=id0:1024x768']"
"""What gives a guest a display, in its xl configuration."""

_LIST = "'xl list' shows which guests run"


class StoreFailed(OpenFailed):
    """Xenstore itself does not answer, or not in a way that can be understood."""


@dataclass(frozen=True, slots=True)
class XenChoice:
    """A screen of a guest. ``name_is_unique``: the guest's name opens it again."""

    guest: XenGuest
    display: XenDisplay
    connector: XenConnector
    name_is_unique: bool = True

    @property
    def target(self) -> str:
        """The TARGET that opens it again, after a restart of the guest too if its name is unique."""
        return target_text(self.guest, self.display, self.connector, name_is_unique=self.name_is_unique)


def target_text(guest: XenGuest, display: XenDisplay, connector: XenConnector, *, name_is_unique: bool) -> str:
    """The TARGET of a screen, the same for the same screen; it names no more than is needed."""
    device = f",device={display.device}" if len(guest.displays) > 1 else ""
    number = f",connector={connector.number}" if len(display.connectors) > 1 else ""
    return f"xen:{guest_text(guest, name_is_unique=name_is_unique)}{device}{number}"


def guest_text(guest: XenGuest, *, name_is_unique: bool) -> str:
    """The guest as a TARGET names it."""
    name = guest.name
    is_plain = bool(name) and name.isprintable() and "," not in name and not is_domid(name)
    return name if is_plain and name_is_unique else str(guest.domid)


def guest_words(guest: XenGuest) -> str:
    """The guest in messages: ``guest win10 (domain 4)``."""
    return f"guest {guest.name} (domain {guest.domid})" if guest.name else f"domain {guest.domid}"


def find_domain(store: Store, text: str) -> tuple[int, str]:
    """The domid and the name of a domain that TARGET names; the name is empty where this domain may not see it.

    Raises NoSuchDevice, AmbiguousTarget, OpenFailed.
    """
    try:
        domid = _found(store, text)[0] if not is_domid(text) else int(text)
        return domid, clean(store.read(f"/local/domain/{domid}/name"))
    except FileNotFoundError:
        raise NoSuchDevice(f"no Xen guest has the number {domid}", _LIST) from None
    except PermissionError:
        return domid, ""
    except OSError as error:
        raise _store_failed(error) from error


def choose_screen(store: Store, target: XenScreen) -> XenChoice:
    """The screen of a target. Raises NoSuchDevice (also one that may come), AmbiguousTarget, OpenFailed."""
    try:
        own = own_domid(store)
        domid, unique = _found(store, target.guest)
        guest = find_guest(store, domid)
    except OSError as error:
        raise _store_failed(error) from error
    if guest is None:
        raise NoSuchDevice(f"no Xen guest has the number {domid}", _LIST)
    choice = _choose(guest, target, unique)
    check_served(choice, own)
    return choice


def check_served(choice: XenChoice, own_domid: int) -> None:
    """Raises OpenFailed if this program cannot be the backend of a display."""
    guest, display = choice.guest, choice.display
    if display.backend_domid != own_domid:
        raise OpenFailed(
            f"the display of {guest_words(guest)} belongs to a backend in domain {display.backend_domid}, and this is "
            f"domain {own_domid}",
            f"write backend={own_domid} in its xl configuration: {_config(choice)}",
        )
    if reason := why_not_served(guest.kind, be_alloc=display.be_alloc):
        what, _, remedy = reason.partition(": ")
        raise OpenFailed(f"{guest_words(guest)} cannot be shown: {what}", remedy)


def all_targets(guest: XenGuest, *, name_is_unique: bool) -> tuple[str, ...]:
    return tuple(
        target_text(guest, display, each, name_is_unique=name_is_unique)
        for display in guest.displays
        for each in display.connectors
    )


def unique_names(domains: Sequence[XenGuest]) -> frozenset[str]:
    """The names that one domain alone has."""
    counts = Counter(each.name for each in domains)
    return frozenset(name for name, count in counts.items() if count == 1)


def _found(store: Store, text: str) -> tuple[int, bool]:
    """The domid, and whether no other guest has its name."""
    try:
        names = _names(store)
    except OSError as error:
        raise _store_failed(error) from error
    if is_domid(text):
        domid = int(text)
        name = names.get(domid)
        if name is None:
            raise NoSuchDevice(f"no Xen guest has the number {domid}", _LIST)
        return domid, list(names.values()).count(name) == 1
    found = [domid for domid, name in names.items() if text in (name, clean(name))]
    if not found:
        # A name may have commas, so a wrong option is taken for a part of it.
        hint = f"{_LIST}; the form is {DISPLAY_FORM}" if "," in text else _LIST
        raise NoSuchDevice(f"no Xen guest of the name {clean(text)} runs", hint)
    if len(found) > 1:
        targets = tuple(f"xen:{each}" for each in found)
        raise AmbiguousTarget(
            f"{len(found)} Xen guests have the name {clean(text)}: {', '.join(targets)}",
            "give one of them as TARGET",
            targets,
        )
    return found[0], True


def _names(store: Store) -> dict[int, str]:
    """The names of all domains by their domids."""
    names = {}
    for each in store.children("/local/domain"):
        if is_domid(each):
            try:
                names[int(each)] = store.read(f"/local/domain/{each}/name")
            except FileNotFoundError:
                # It has ended meanwhile, or its toolstack has not named it yet.
                continue
    return names


def _choose(guest: XenGuest, target: XenScreen, unique: bool) -> XenChoice:
    who = guest_words(guest)
    if not guest.displays:
        raise NoSuchDevice(f"{who} has no PV display", f"write {CONFIG_LINE} in its xl configuration")
    fitting = [
        XenChoice(guest, display, each, unique)
        for display in guest.displays
        for each in display.connectors
        if target.device in (None, display.device) and target.connector in (None, each.number)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        targets = tuple(each.target for each in fitting)
        raise AmbiguousTarget(
            f"{who} has {len(fitting)} screens: {', '.join(targets)}", "give one of them as TARGET", targets
        )
    listed = all_targets(guest, name_is_unique=unique)
    has = f"there are: {', '.join(listed)}" if listed else f"name one in its xl configuration: {CONFIG_LINE}"
    raise NoSuchDevice(f"{who} has no such screen", has)


def _config(choice: XenChoice) -> str:
    return CONFIG_LINE if not choice.display.be_alloc else CONFIG_LINE.replace("be-alloc=0", "be-alloc=1")


def _store_failed(error: OSError) -> StoreFailed:
    return StoreFailed(f"xenstore cannot be read: {error_text(error)}", "'mdevview doctor' says what this host lacks")
