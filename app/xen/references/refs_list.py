"""Lists of grant references, as a person or a program of the guest writes them down."""

import re

MOST_REFS = 1 << 18
"""References of one list: 1 GiB of pages, and as many as :mod:`app.xen.access.gntdev` takes."""

MOST_BYTES = 4 << 20
"""Bytes of a file of them: more than MOST_REFS numbers of ten digits need."""

_MAX_REF = 0xFFFFFFFF
_NUMBERS = re.compile(r"[0-9]+(-[0-9]+)?(\+[0-9]+(-[0-9]+)?)*", re.ASCII)
_PART = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", re.ASCII)
_SEPARATORS = re.compile(r"[\s,+]+")
_COMMENT = re.compile(r"#.*")
_MOST_SHOWN = 24


def is_list(text: str) -> bool:
    """Whether a text is references (``8+9+20-787``). Another one is the name of a file."""
    return _NUMBERS.fullmatch(text) is not None


def parse_refs(text: str) -> tuple[int, ...]:
    """The references in a text: numbers and ranges ``N-M``, separated by white space, ``,`` or ``+``.

    ``#`` begins a comment. Raises ValueError, whose text is words: for anything else, for none, and for too many.
    """
    refs: list[int] = []
    for part in filter(None, _SEPARATORS.split(_COMMENT.sub("", text))):
        match = _PART.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match is not None else (1, 0)
        if not first <= last <= _MAX_REF:
            raise ValueError(f"{part[:_MOST_SHOWN]!r} is no grant reference and no range of them")
        if len(refs) + last - first >= MOST_REFS:
            raise ValueError(f"more than {MOST_REFS} references")
        refs += range(first, last + 1)
    if not refs:
        raise ValueError("no references")
    return tuple(refs)
