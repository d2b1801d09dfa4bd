"""The clipboard of a VM through QEMU's D-Bus display: text of the selection "clipboard", and of no other selection.

Who copies something tells it with Grab. The other side asks for the text with Request, and we do that when the window
wants it. QEMU's main loop waits for our answer to Request (ui/dbus-clipboard.c), so the text to hand out is here before
it is asked for.

Both sides count the grabs, from 0 after each Register. Of two grabs with one number ours wins, as in spice-vdagent's
vdagentd.c. QEMU has one registered client, and calls its Register to begin the count again.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from app.dbus_display.connection.vm_display import CallResult, VmDisplay
from app.dbus_display.wire.names import CLIPBOARD, CLIPBOARD_PATH
from app.text.clean import clean_line

_log = logging.getLogger(__name__)

LARGEST_TEXT = 1_000_000
"""Bytes of UTF-8, each way. QEMU drops a message to the guest's agent that is larger than 1 MiB (ui/vdagent.c)."""

TEXT = "text/plain;charset=utf-8"
SELECTION = 0
"""The clipboard of the menus. 1 is the primary selection, 2 the secondary one."""

_SERIALS = 1 << 32
# Controls, but for tab, line feed and carriage return: text has none, and a terminal obeys them.
_REMOVED = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])

Fetched = Callable[[str | None, str], None]


class DbusClipboard:
    """The :class:`app.open.session.Clipboard` of a VM. Does not own the display.

    ``refusal`` says why this VM cannot share anything; empty if it can.
    """

    def __init__(self, display: VmDisplay, refusal: str = "") -> None:
        self._display = display
        self._refusal = refusal
        self._sharing: _Sharing | None = None

    @property
    def why_not(self) -> str:
        return self._refusal or self._display.state.why_not or (self._sharing.problem if self._sharing else "")

    def share(self, changed: Callable[[], None] | None) -> None:
        sharing, self._sharing = self._sharing, None
        if sharing is not None:
            sharing.end()
        if changed is not None and not self.why_not:
            self._sharing = _Sharing(self._display, changed)

    def offer(self, text: str) -> str:
        if self._sharing is None:
            return ""
        data = text.replace("\0", "").encode(errors="replace")
        if len(data) > LARGEST_TEXT:
            self._sharing.offer(None)
            return f"the text is too large for the guest: {_size(len(data))}, of {_size(LARGEST_TEXT)} at most"
        self._sharing.offer(data or None)
        return ""

    def fetch(self, done: Fetched) -> None:
        if self._sharing is None:
            done(None, "")
        else:
            self._sharing.fetch(done)


class _Sharing:
    """From the time at which the user switched it on to the end. ``problem`` says why there was an end before."""

    def __init__(self, display: VmDisplay, changed: Callable[[], None]) -> None:
        self.problem = ""
        self._display = display
        self._changed = changed
        # Guards everything below. No call is made under it.
        self._lock = threading.Lock()
        self._text: bytes | None = None
        """What the guest gets if it asks; None if it has the clipboard, or nobody has."""
        self._serial = 0
        self._is_grabbing = self._grabs_again = False
        self._is_told = self._guest_has_text = False
        self._ended = False
        self._unsubscribe = display.subscribe(self._look)
        self._unserve: Callable[[], None] | None = None
        try:
            self._unserve = display.serve(CLIPBOARD_PATH, CLIPBOARD, self._handle)
        except ValueError:
            self._fail("another window shares it: a VM has one clipboard")
        else:
            self._call("Register", done=self._registered)

    def offer(self, text: bytes | None) -> None:
        """Let the guest have this text, None: no text."""
        with self._lock:
            if self._ended:
                return
            had, self._text = self._text is not None, text
        if text is not None:
            self._grab()
        elif had:
            self._call("Release", "u", (SELECTION,))

    def fetch(self, done: Fetched) -> None:
        """Ask for the guest's text. ``done`` is called once, on any thread: the text, or None and why it is not."""
        with self._lock:
            self._is_told = False
            can = self._guest_has_text and not self._ended
        if not can:
            done(None, "")
            return
        self._call("Request", "uas", (SELECTION, [TEXT]), lambda result: done(*_text_of(result)))

    def end(self) -> None:
        """Nothing of this desktop is with QEMU afterwards, but for what the guest has asked for before."""
        with self._lock:
            was_ended, self._ended = self._ended, True
            had, self._text = self._text is not None, None
        if not was_ended:
            if had:
                self._call("Release", "u", (SELECTION,))
            self._call("Unregister")
        self._unsubscribe()
        if self._unserve is not None:
            self._unserve()

    def _call(
        self,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        done: Callable[[CallResult], None] | None = None,
    ) -> None:
        self._display.call(CLIPBOARD_PATH, CLIPBOARD, member, signature, body, done)

    def _fail(self, problem: str) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended, self._text = True, None
            self.problem = problem
        self._changed()

    def _look(self) -> None:
        """The state of the display has changed."""
        if lost := self._display.state.why_not:
            self._fail(lost)

    def _registered(self, result: CallResult) -> None:
        if result.error is None:
            return
        # Peer to peer there is one client: an earlier connection, or a Register that we took for lost.
        self._call("Unregister")
        self._call("Register", done=self._registered_again)

    def _registered_again(self, result: CallResult) -> None:
        if result.error is not None:
            words = clean_line(result.error[1])
            # ui/dbus-clipboard.c, on a bus.
            other = "already registered" in words
            self._fail(f"{'another program shares it' if other else 'QEMU does not share it'}: {words}")

    def _grab(self) -> None:
        """Tell QEMU that we have a text. While it has not answered, later grabs become one."""
        with self._lock:
            if self._is_grabbing or self._text is None:
                self._grabs_again = self._text is not None
                return
            self._is_grabbing, self._grabs_again = True, False
            serial, self._serial = self._serial, (self._serial + 1) % _SERIALS
        self._call("Grab", "uuas", (SELECTION, serial, [TEXT]), self._grabbed)

    def _grabbed(self, result: CallResult) -> None:
        if result.error is not None:
            _log.info("QEMU does not take the clipboard: %s", clean_line(result.error[1]))
        with self._lock:
            self._is_grabbing = False
            again = self._grabs_again
        if again:
            self._grab()

    def _handle(self, member: str, body: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """Answer QEMU, on the display's thread. What QEMU passes may have any type."""
        match member, body:
            case "Register", ():
                with self._lock:
                    self._serial = 0
                self._grab()
            case "Unregister", ():
                pass
            case "Grab", (int() as selection, int() as serial, list() as kinds):
                if selection == SELECTION:
                    self._guest_grabbed(serial, TEXT in kinds)
            case "Release", (int() as selection,):
                if selection == SELECTION:
                    with self._lock:
                        self._guest_has_text = False
            case "Request", (int() as selection, list() as kinds):
                # Empty where there is none: after an error the guest would wait for a text.
                return "say", (TEXT, self._text_for(selection, kinds))
            case _:
                raise LookupError(member)
        return "", ()

    def _guest_grabbed(self, serial: int, has_text: bool) -> None:
        with self._lock:
            if serial < self._serial:
                return
            self._serial = (serial + 1) % _SERIALS
            self._text = None
            self._guest_has_text = has_text
            # Once until the window asks, however often the guest copies something.
            tells = has_text and not self._is_told and not self._ended
            self._is_told = self._is_told or tells
        if tells:
            self._changed()

    def _text_for(self, selection: int, kinds: list[Any]) -> bytes:
        with self._lock:
            return (self._text if selection == SELECTION and TEXT in kinds else None) or b""


def _text_of(result: CallResult) -> tuple[str | None, str]:
    if result.error is not None:
        return None, f"the guest's text did not come: {clean_line(result.error[1])}"
    match result.body:
        case (str() as kind, (bytes() | memoryview()) as data) if kind == TEXT:
            if len(data) > LARGEST_TEXT:
                return None, f"the guest's text is too large: {_size(len(data))}, of {_size(LARGEST_TEXT)} at most"
            return str(data, "utf-8", "replace").translate(_REMOVED), ""
    return None, "what the guest copied is no text"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
