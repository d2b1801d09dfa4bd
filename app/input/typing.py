"""Text and key combinations as a sequence of key events.

A guest takes keys, not characters, and its layout is not known. So text is typed as on a US keyboard. A guest with
another layout reads some characters as other ones.
"""

from collections.abc import Iterator, Sequence

from app.input.event import Key

Keystroke = tuple[Key, ...]
"""Key events that are sent at the same time."""

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
    """``(qcode, shift)`` of a character on a US keyboard; None if it has no key there."""
    plain = _SHIFTED.get(character)
    shifted = plain is not None
    plain = character if plain is None else plain
    if plain.isascii() and plain.isalnum():
        return (plain.lower(), shifted or plain.isupper())
    name = _PLAIN.get(plain)
    return None if name is None else (name, shifted)


def typable(text: str) -> str:
    """The characters of ``text`` that can be typed, with all line ends as ``\\n``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\N{NO-BREAK SPACE}", " ")
    return "".join(each for each in text if key_for(each) is not None)


def keystrokes(text: str) -> Iterator[Keystroke]:
    """The keys of ``text``, each pressed and released; shift separately. Skips characters without a key."""
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


def chord(names: Sequence[str]) -> Iterator[Keystroke]:
    """A combination of keys: all are pressed in this order, then released in the reverse order."""
    for name in names:
        yield (Key(name, True),)
    for name in reversed(names):
        yield (Key(name, False),)
