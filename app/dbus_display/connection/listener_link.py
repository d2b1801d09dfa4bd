"""One listener's socket: the answers that need no frame source are given here, at once.

QEMU waits in its main loop for the authentication and for GetAll (ui/dbus-listener.c). It waits for a second for the
answer to a map.
"""

from jeepney import HeaderFields, Message, MessageFlag, MessageType

from app.dbus_display.connection.listener import Answer, Done, Later, Listener, Refusal
from app.dbus_display.wire import names
from app.dbus_display.wire.messages import WireError, close_fds, error_reply, method_return
from app.dbus_display.wire.wire import Wire

_MOST_UNANSWERED = 256
# Then the other sockets have their turn.
_MESSAGES_A_TURN = 64


class ListenerLink:
    """Owns the wire. All methods are called on the display's thread; :class:`WireError` means that it is of no use."""

    def __init__(self, wire: Wire, listener: Listener) -> None:
        self.wire = wire
        self.up_ns: int | None = None
        """Since when it is authenticated."""
        self._listener = listener
        self._unanswered: dict[int, Message] = {}

    def read(self, now_ns: int) -> None:
        """Handle the calls that have come."""
        for _ in range(_MESSAGES_A_TURN):
            # The other side reads before it may send more. Else the answers would fill the memory.
            if self.wire.wants_to_send:
                return
            message = self.wire.receive()
            if self.up_ns is None and self.wire.authenticated:
                self.up_ns = now_ns
                self._listener.registered()
            if message is None:
                return
            if message.header.message_type is MessageType.method_call:
                self._answer(message, self._handle(message, now_ns))
            else:
                close_fds(message.body)

    def answer_due(self, now_ns: int) -> int | None:
        """Answer the calls that are due. Returns when to ask again at the latest."""
        if not self.wire.authenticated:
            return None
        serials, again_ns = self._listener.due_answers(now_ns)
        for serial in serials:
            if (call := self._unanswered.pop(serial, None)) is not None:
                self._answer(call, Done())
        return again_ns if self._unanswered else None

    def close(self) -> None:
        self.wire.close()
        self._unanswered.clear()

    def _handle(self, call: Message, now_ns: int) -> Answer | Message:
        fields = call.header.fields
        interface, member = fields.get(HeaderFields.interface), fields[HeaderFields.member]
        if fields[HeaderFields.path] == names.LISTENER_PATH:
            if interface in {names.LISTENER, *self._listener.interfaces}:
                return self._listener.handle(call, now_ns)
            if interface == names.PROPERTIES and member == "GetAll":
                return self._properties(call)
        close_fds(call.body)
        return Refusal(names.UNKNOWN_METHOD, "there is no such method")

    def _properties(self, call: Message) -> Answer | Message:
        close_fds(call.body)
        if call.body == (names.LISTENER,):
            return method_return(call, "a{sv}", ({"Interfaces": ("as", list(self._listener.interfaces))},))
        if len(call.body) == 1 and call.body[0] in self._listener.interfaces:
            return method_return(call, "a{sv}", ({},))
        return Refusal(names.UNKNOWN_METHOD, "there is no such interface")

    def _answer(self, call: Message, answer: Answer | Message) -> None:
        if call.header.flags & MessageFlag.no_reply_expected:
            return
        if isinstance(answer, Later):
            if len(self._unanswered) >= _MOST_UNANSWERED:
                raise WireError("too many calls wait for their answer")
            self._unanswered[call.header.serial] = call
        elif isinstance(answer, Refusal):
            self.wire.send(error_reply(call, answer.name, answer.text))
        else:
            self.wire.send(method_return(call) if isinstance(answer, Done) else answer)
