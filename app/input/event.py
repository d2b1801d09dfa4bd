"""The events of a guest's keyboard and pointer, in the form of QEMU's ``input-send-event`` (qapi/ui.json)."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

# The largest value of an absolute axis (INPUT_EVENT_ABS_MAX in include/ui/input.h).
ABSOLUTE_MAX = 0x7FFF


class Button(Enum):
    """``InputButton``. The wheel has buttons too: a notch is a press and a release."""

    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"
    WHEEL_UP = "wheel-up"
    WHEEL_DOWN = "wheel-down"
    WHEEL_LEFT = "wheel-left"
    WHEEL_RIGHT = "wheel-right"
    SIDE = "side"
    EXTRA = "extra"


class Axis(Enum):
    """``InputAxis``."""

    X = "x"
    Y = "y"


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its ``QKeyCode`` ("a", "ret", "meta_l"). The code means a position on the keyboard, not a letter."""

    qcode: str
    down: bool


@dataclass(frozen=True, slots=True)
class Press:
    """The press (``down``) or release of a pointer button."""

    button: Button
    down: bool


@dataclass(frozen=True, slots=True)
class Absolute:
    """A position on one axis, 0 to :data:`ABSOLUTE_MAX`."""

    axis: Axis
    value: int


@dataclass(frozen=True, slots=True)
class Relative:
    """A motion along one axis, in counts of a mouse."""

    axis: Axis
    value: int


class TouchKind(Enum):
    """What a finger did (``InputMultiTouchType``)."""

    BEGIN = "begin"
    UPDATE = "update"
    END = "end"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Touch:
    """A finger on a touch screen. ``slot`` is its number while it touches: 0, 1, ...

    ``x`` and ``y`` are its position as a part of the screen's width and height, 0 to 1.
    """

    kind: TouchKind
    slot: int
    x: float
    y: float


Event = Key | Press | Absolute | Relative | Touch


def qmp_object(event: Event) -> dict[str, Any]:
    """The event as a JSON object (``InputEvent``). Raises ValueError for a touch, which only the D-Bus display takes.

    QMP could send one, too, but nobody can ask a VM whether its guest has a touch screen.
    """
    match event:
        case Key(qcode, down):
            return {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": qcode}}}
        case Press(button, down):
            return {"type": "btn", "data": {"down": down, "button": button.value}}
        case Absolute(axis, value):
            return {"type": "abs", "data": {"axis": axis.value, "value": value}}
        case Relative(axis, value):
            return {"type": "rel", "data": {"axis": axis.value, "value": value}}
        case Touch():
            raise ValueError("a touch is not sent by QMP")
