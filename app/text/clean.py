"""Cleans text that others chose: names of VMs and processes, messages of monitors, helpers and drivers.

Such text is shown in titles, lists, prompts and logs. It must not move the cursor of a terminal, start a new line,
change the direction of the text around it, or fill the screen. So each character that cannot be seen is replaced, and
the length has a limit.
"""

LONGEST_NAME = 128
"""Characters of a name that is shown. A KubeVirt VM has at most 127: two names of Kubernetes and a separator."""

LONGEST_LINE = 240

# These have no glyph, but str.isprintable() is true for them: their category is letter or mark. The rest of
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt) has a category that is not printable.
_NO_GLYPH = frozenset(
    map(
        chr,
        (
            0x034F,
            *range(0x115F, 0x1161),
            *range(0x17B4, 0x17B6),
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            *range(0xE0100, 0xE01F0),
        ),
    )
)

# Unicode's category Zs.
_BLANKS = frozenset(map(chr, (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))


def visible(text: str) -> str:
    """The text with "?" for every character that cannot be seen. It keeps its length.

    Such are controls, newlines, direction marks, zero-width and unassigned characters, and lone surrogates. A blank of
    another width becomes a plain one.
    """
    return _replaced(text, "?")


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """One line of at most ``longest`` :func:`visible` characters; one that was cut ends with "…"."""
    # Cut first: the text may have megabytes.
    return _cut(visible(text[: longest + 1]), longest)


def clean_line(text: str, longest: int = LONGEST_LINE) -> str:
    """A message as one line of at most ``longest`` characters: its words with single blanks between them.

    What cannot be seen counts as white space.
    """
    # Four times the limit: white space may come first.
    return _cut(" ".join(_replaced(text[: 4 * longest], " ").split()), longest)


def _replaced(text: str, substitute: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if _is_visible(each) else " " if each in _BLANKS else substitute for each in text)


def _is_visible(character: str) -> bool:
    return character.isprintable() and character not in _NO_GLYPH


def _cut(line: str, longest: int) -> str:
    return line if len(line) <= longest else line[: longest - 1] + "…"
