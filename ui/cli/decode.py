"""``mdevview decode``: explains modifiers, fourccs and EDIDs in words, or as JSON. Opens no device."""

import argparse
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from app.abi.drm_fourcc import DRM_FORMAT_BIG_ENDIAN
from app.edid.edid_document import edid_document
from app.edid.edid_input import LONGEST_INPUT, find_edids
from app.edid.edid_text import edid_lines
from app.errors import UsageError
from app.formats.format_document import format_document, format_lines
from app.formats.format_text import parse_format, parse_known_format
from app.formats.fourcc import fourcc_text
from app.formats.modifier_document import modifier_document, modifier_lines
from app.formats.modifier_text import AmbiguousName, number, parse_modifier
from app.text.clean import clean
from ui.cli.output import printable, write_error, write_output

_LONGEST_WORD = 60
_LINES = {"modifier": modifier_lines, "fourcc": format_lines, "edid": edid_lines}
_KINDS = "a number, the name of a modifier or of a format, or a file with an EDID"


def run(args: argparse.Namespace) -> int:
    """Explain each value. Returns 2 if one of them is none of the kinds; the others are explained all the same."""
    status, documents, is_first = 0, [], True
    for value in args.values:
        try:
            found = documents_of(value)
        except UsageError as error:
            status = error.exit_status
            found = [{"kind": "error", "message": error.message}]
            write_error(printable(f"mdevview: {error}"))
        for each in ({"value": clean(value, LONGEST_INPUT), **document} for document in found):
            documents.append(each)
            if args.json or each["kind"] == "error":
                continue
            write_output(("" if is_first else "\n") + "\n".join(map(printable, _text(each))))
            is_first = False
    if args.json:
        write_output(json.dumps({"version": 1, "values": documents}, indent=2))
    return status


def documents_of(value: str) -> list[dict[str, Any]]:
    """What a value means; several documents for a file with several EDIDs. Raises UsageError.

    ``note`` tells how a value was taken that can be understood in two ways.
    """
    if not value:
        raise UsageError("an empty VALUE", f"a VALUE is {_KINDS}")
    if value == "-" or "/" in value:
        return _edids(value)
    try:
        code = number(value)
        if code is not None:
            return [_number(code)]
        return [_word(value)]
    except ValueError as error:
        if _exists(value):
            return _edids(value)
        raise UsageError(f"{clean(value, _LONGEST_WORD)!r}: {error}", f"a VALUE is {_KINDS}") from error


def _number(code: int) -> dict[str, Any]:
    """A number of four printable characters is a fourcc: as a modifier it would have no vendor and no meaning."""
    if code == 0:
        note = "as a fourcc, 0 is DRM_FORMAT_INVALID"
        return {**modifier_document(code), "note": note}
    plain = code & ~DRM_FORMAT_BIG_ENDIAN
    if code >> 32 == 0 and not fourcc_text(plain).startswith("0x"):
        return format_document(code)
    return modifier_document(code)


def _word(value: str) -> dict[str, Any]:
    """Raises ValueError for a word that is neither a format nor a modifier."""
    known = parse_known_format(value)
    if known is not None:
        document = format_document(known)
    else:
        try:
            document = modifier_document(parse_modifier(value))
        except ValueError as error:
            # Four unknown characters may be a fourcc, and a file's name: a file is more likely than such a fourcc.
            if isinstance(error, AmbiguousName) or _exists(value):
                raise
            if len(value) > 4:
                raise ValueError("no modifier, no format and no file has this name") from error
            return format_document(parse_format(value))
    if _exists(value):
        document["note"] = f"the name of a {document['kind']}; for the file of this name give ./{value}"
    return document


def _exists(value: str) -> bool:
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False


def _edids(name: str) -> list[dict[str, Any]]:
    label = "standard input" if name == "-" else clean(name, _LONGEST_WORD)
    try:
        found = find_edids(_read(name))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{label}: {reason}", "give a file with an EDID, such as /sys/class/drm/card0-DP-1/edid"
        ) from error
    return [edid_document(each) for each in found]


def _read(name: str) -> bytes:
    """At most one byte more than an input may have. Raises OSError, and ValueError for a name with a NUL."""
    if name == "-":
        return sys.stdin.buffer.read(LONGEST_INPUT + 1)
    with Path(name).open("rb") as file:
        if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is a folder")
        return file.read(LONGEST_INPUT + 1)


def _text(document: dict[str, Any]) -> list[str]:
    lines: list[str] = _LINES[document["kind"]](document)
    note = document.get("note")
    return [*lines, f"  note:      {note}"] if note else lines
