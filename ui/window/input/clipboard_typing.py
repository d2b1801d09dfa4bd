"""How the text of the clipboard is typed into the guest, and what the window says about it. Pure."""

from app.input.typing import Keystroke, keystrokes, typable

# Ten minutes of typing: a clipboard with more text is probably a mistake.
_MOST_CHARACTERS = 30_000


def clipboard_typing(text: str) -> tuple[tuple[Keystroke, ...], str]:
    """The keystrokes for ``text`` on a US keyboard, none if nothing is typed, and what to tell the user."""
    if len(text) > _MOST_CHARACTERS:
        return (), f"The clipboard holds {len(text)} characters, which is too much to type"
    known = typable(text)
    left_out = len(text.replace("\r\n", "\n")) - len(known)
    words = f"{left_out} character{'s' * (left_out != 1)} without a key on a US keyboard left out"
    if not known:
        return (), f"Nothing to type: {words}" if text else "There is no text in the clipboard"
    return tuple(keystrokes(known)), f"Typing the clipboard, any key stops it{f'; {words}' * bool(left_out)}"
