"""Says in a window's terms what messages say in terms of the command line. Pure.

A user who started the program from a menu sees no log and gives no options, but has the buttons of the page and the
menus (:mod:`ui.window.page`).
"""

import re

_WORDS = (
    (re.compile(r"[Aa] window with --wait then shows it by itself"), "'Wait for the VM' then shows it by itself"),
    (re.compile(r"'mdevview view --wait'"), "'Wait for the VM'"),
    (re.compile(r"\bsee 'mdevview doctor'"), "'Run doctor' may tell more"),
    (re.compile(r"\bRun 'mdevview doctor'"), "Press 'Run doctor'"),
    (re.compile(r"'mdevview doctor'"), "'Run doctor'"),
    (re.compile(r"'mdevview list'"), "'Choose another…'"),
    (re.compile(r"'mdevview inspect'"), "the inspector"),
    (re.compile(r"Look at the log \(-v\)"), "'Copy details' copies what is known, for a report"),
    (re.compile(r"with the output of -vv"), "with what 'Copy details' copies"),
)
# Not the options within a command that is given whole.
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_COMMAND = re.compile(r"\b(?:sudo|mdevctl|mdevview|pkexec) ")
_IN_A_TERMINAL = "To give an option, start mdevview in a terminal"


def words_for_window(text: str) -> str:
    """``text`` with the buttons in place of commands that they stand for, and where to give an option that it names."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    if _OPTION.search(text) and not _COMMAND.search(text):
        text = f"{sentence(text)} {_IN_A_TERMINAL}."
    return text


def sentence(text: str) -> str:
    """``text`` with a capital letter and a full stop, as the messages of errors are parts of a line.

    A name, an address or a command at the start keeps its letters.
    """
    if not text:
        return ""
    first = text.partition(" ")[0]
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…:" else f"{text}."
