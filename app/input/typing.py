"""Text and combinations as keys, one step after the other.

A guest takes keys, not characters, and nobody tells which layout it has: text is typed as on a US keyboard. On
another layout some characters come out as others.
"""

from collections.abc import Iterator, Sequence

from app.input.event import Key

Step = tuple[Key, ...]
"""What is sent at one moment."""

_PLAIN = {
    " ": "spc",
    "\n": "ret",
    "\t": "tab",
    "-": "minus",
    "=": "equal",
    "[": "bracket_left",
    "]": "bracket_right",
    ";": "semicolon",
    "'": "apostrophe",
    "`": "grave_accent",
    "\\": "backslash",
    ",": "comma",
    ".": "dot",
    "/": "slash",
}
_SHIFTED = dict(zip('_+{}:"~|<>?', "-=[];'`\\,./", strict=True)) | dict(zip("!@#$%^&*()", "1234567890", strict=True))


def key_for(character: str) -> tuple[str, bool] | None:
    """``(qcode, with shift)`` of a character on a US keyboard; None where it has no key there."""
    plain = _SHIFTED.get(character)
    shifted = plain is not None
    plain = character if plain is None else plain
    if plain.isascii() and plain.isalnum():
        return (plain.lower(), shifted or plain.isupper())
    name = _PLAIN.get(plain)
    return None if name is None else (name, shifted)


def typable(text: str) -> str:
    """What of ``text`` can be typed, with one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\N{NO-BREAK SPACE}", " ")
    return "".join(each for each in text if key_for(each) is not None)


def steps(text: str) -> Iterator[Step]:
    """The keys of ``text``, down and up by turns; shift is a step of its own. What has no key is left out."""
    shifted = False
    for character in text:
        key = key_for(character)
        if key is None:
            continue
        name, shift = key
        if shift != shifted:
            yield (Key("shift", shift),)
            shifted = shift
        yield (Key(name, True),)
        yield (Key(name, False),)
    if shifted:
        yield (Key("shift", False),)


def chord(names: Sequence[str]) -> Iterator[Step]:
    """A combination by its ``QKeyCode`` names: all go down in this order, and up in the reverse."""
    for name in names:
        yield (Key(name, True),)
    for name in reversed(names):
        yield (Key(name, False),)
