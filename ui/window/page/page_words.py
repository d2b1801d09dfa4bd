"""Says in a window's terms what messages say in terms of the command line. Pure."""

import re

# A user who started the program from a menu has buttons, and no command line and no log.
_WORDS = (
    (re.compile(r"[Aa] window with --wait then shows it by itself"), "'Wait for the VM' then shows it by itself"),
    (re.compile(r"\bsee 'mdevview doctor'"), "'Run doctor' may tell more"),
    (re.compile(r"\b(?:R|r)un 'mdevview doctor'"), "press 'Run doctor'"),
    (re.compile(r"'mdevview doctor'"), "'Run doctor'"),
    (re.compile(r"Look at the log \(-v\)"), "'Copy details' copies what is known, for a report"),
)


def words_for_window(text: str) -> str:
    """``text`` with the page's buttons in place of the commands and options that they stand for."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def sentence(text: str) -> str:
    """``text`` with a capital letter and a full stop: the messages of errors are parts of a line. Commands stay."""
    if not text:
        return ""
    first = text.partition(" ")[0]
    # A name, an address or a command keeps its letters.
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…:" else f"{text}."
