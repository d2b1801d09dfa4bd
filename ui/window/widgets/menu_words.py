"""Says in words of the window what findings, reasons and errors say in words of the command line. Pure.

Who started the program from a menu has no command line, no option of it and no log. The sentences themselves are those
of the command line, because they are in JSON, too. A test proves that each row below has a sentence.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

CHECK = "'Check this host' in the Help menu"
"""Where a user of the menus finds what doctor finds."""
_IN_A_TERMINAL = "To give an option, start mdevview in a terminal"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A regular expression for words of the command line; what a menu offers instead; what the page's buttons offer.

    Both replacements may refer to groups of ``said``. An empty one leaves the words out. ``on_page`` is None where the
    page says the same as a menu.
    """

    said: str
    in_menu: str
    on_page: str | None = None


# The first row that fits counts: longer phrases are above their parts.
PHRASES = (
    Phrase(r"\bsee 'mdevview doctor'", f"see {CHECK}", "'Run doctor' may tell more"),
    Phrase(r"\bRun 'mdevview doctor'", f"Run {CHECK}", "Press 'Run doctor'"),
    Phrase(r"'mdevview doctor'", CHECK, "'Run doctor'"),
    Phrase(r"'mdevview view --wait'", "'Wait for the VM' in the Machine menu", "'Wait for the VM'"),
    Phrase(r"'mdevview list'", "'Choose screen' in the Machine menu", "'Choose another…'"),
    Phrase(r"\btake them back\b", "choose 'Take the controls back' in the Input menu"),
    Phrase(r"Look at the log \(-v\)", "'Explain this picture' in the View menu tells what is known"),
    Phrase(
        r"\b([Rr])eport it with a recording: mdevview capture TARGET -o FILE --duration 5",
        rf"\1eport it, with the report of {CHECK}",
        r"\1eport it, with the report of 'Run doctor'",
    ),
    Phrase(r"with the output of -vv", f"with the report of {CHECK}", "with what 'Copy details' copies"),
    Phrase(r"Name the GPU that exports (it|the buffer) with --gpu;", r"The GPU that exports \1 can import it;"),
    Phrase(r"import the buffers: --gpu (\S+?)(?=[;.]?(?: |$))", r"import the buffers (\1)"),
    Phrase(r"Leave --gpu out, or name the exporting GPU: --gpu (\S+)", r"The GPU that exports it is \1"),
    Phrase(r" \(--gpu\)", ""),
    Phrase(r"mdevview bench --case [^:]*: what it costs on this host\.", ""),
    Phrase(r"; 'mdevview run' adds it\)", ")"),
    Phrase(r"To see them, record without --no-pixels and --pixels-every\.", "They were not recorded."),
    Phrase(r"(: |, or )use --qmp\b|: give it with --qmp if it is the VM's", ""),
)
_IN_MENU = tuple((re.compile(each.said), each.in_menu) for each in PHRASES)
_ON_PAGE = tuple((re.compile(each.said), each.in_menu if each.on_page is None else each.on_page) for each in PHRASES)
# Not the options within a command that is given whole.
_OPTION = re.compile(r"(?<![\w-])--[a-z]")
_COMMAND = re.compile(r"\b(?:sudo|mdevctl|mdevview|pkexec) ")


def menu_words(text: str) -> str:
    """``text`` with what a menu offers in place of commands and options; those that a menu cannot offer are left out.

    What has to be done outside this program, such as a command for root, stays.
    """
    return _replaced(text, _IN_MENU)


def page_words(text: str) -> str:
    """``text`` with the page's buttons in place of commands, and where to give an option that it still names."""
    text = _replaced(text, _ON_PAGE)
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


# The status line asks four times a second, and most of the time for the same texts.
@lru_cache(maxsize=32)
def _replaced(text: str, words: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, instead in words:
        text = pattern.sub(instead, text)
    return text.strip()
