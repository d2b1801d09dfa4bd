"""Says in the words of the page's buttons what errors say in words of the command line. Pure."""

import re

from ui.window.widgets.menu_words import CHECK, menu_words

_WORDS = (
    (re.compile(rf"\bsee {re.escape(CHECK)}"), "'Run doctor' may tell more"),
    (re.compile(rf"\b(?:R|r)un {re.escape(CHECK)}"), "press 'Run doctor'"),
    (re.compile(re.escape(CHECK)), "'Run doctor'"),
    (re.compile(r"'mdevview view --wait'"), "'Wait for the VM'"),
    (re.compile(r"'mdevview list'"), "'Choose another…'"),
    (re.compile(r"with the output of -vv"), "with what 'Copy details' copies"),
)
# Not the options within a command that is given whole.
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_COMMAND = re.compile(r"\b(?:sudo|mdevctl|mdevview|pkexec) ")
_IN_A_TERMINAL = "To give an option, start mdevview in a terminal"


def page_words(text: str) -> str:
    """``text`` with the buttons in place of commands that they stand for, and where to give an option that it names."""
    text = menu_words(text)
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
