"""Says in the words of the menus what findings and reasons say in words of the command line. Pure.

Who started the program from a menu has no command line, no option of it and no log.
"""

import re

CHECK = "'Check this host' in the Help menu"
"""Where a user of the menus finds what doctor finds."""
_WORDS = (
    (re.compile(r"\b(R|r)un 'mdevview doctor'"), rf"\1un {CHECK}"),
    (re.compile(r"'mdevview doctor'"), CHECK),
    (re.compile(r"Look at the log \(-v\)"), "'Explain this picture' in the View menu tells what is known"),
    (
        re.compile(r"\b([Rr])eport it with a recording: mdevview capture TARGET -o FILE --duration 5"),
        rf"\1eport it, with the report of {CHECK}",
    ),
    (
        re.compile(r"[Aa] window with --wait then shows it by itself"),
        "'Wait for the VM' in the Machine menu then shows it by itself",
    ),
    (re.compile(r"Name the GPU that exports (it|the buffer) with --gpu;"), r"The GPU that exports \1 can import it;"),
    (re.compile(r"import the buffers: --gpu (\S+?)(?=[;.]?(?: |$))"), r"import the buffers (\1)"),
    (re.compile(r"Leave --gpu out, or name the exporting GPU: --gpu (\S+)"), r"The GPU that exports it is \1"),
    (re.compile(r" \(--gpu\)"), ""),
    (re.compile(r"mdevview bench --case [^:]*: what it costs on this host\."), ""),
    (re.compile(r"; 'mdevview run' adds it\)"), ")"),
    (
        re.compile(r"To see them, record without --no-pixels and --pixels-every\."),
        "They were not recorded.",
    ),
    (re.compile(r"(: |, or )use --qmp\b|: give it with --qmp if it is the VM's"), ""),
)


def menu_words(text: str) -> str:
    """``text`` with what a menu offers in place of commands and options; those that a menu cannot offer are left out.

    What has to be done outside this program, such as a command for root, stays.
    """
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text.strip()
