"""The TARGETs of a Xen host: a guest's PV display, and pages that a domain granted to this one.

``xen:NAME|DOMID[,device=N][,connector=N]`` and
``xen:NAME|DOMID,refs=FILE|N+N-M..,size=WxH,format=XR24[,stride=N][,offset=N]``.
"""

import re
from dataclasses import dataclass

from app.errors import UsageError
from app.formats.fourcc import parse_fourcc

# A name may have commas: only our options at the end are taken off.
_OPTION = re.compile(r"(.+),(device|connector|refs|size|format|stride|offset)=([^,]*)", re.DOTALL)
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.ASCII)
_MAX_DOMID = 0x7FEF
_MAX_NUMBER = 9999
_MAX_EDGE = 16384
_MAX_BYTES = (1 << 32) - 1
_MOST_DIGITS = 10

DISPLAY_FORM = "xen:NAME or xen:DOMID, with ,device=N and ,connector=N if the guest has several screens"
REFS_FORM = "xen:NAME,refs=FILE,size=WIDTHxHEIGHT,format=XR24 with ,stride=BYTES and ,offset=BYTES where needed"


@dataclass(frozen=True, slots=True)
class XenScreen:
    """A connector of a guest's PV display. ``guest`` is its name, or its domid as text.

    ``device`` and ``connector`` are needed where the guest has several.
    """

    guest: str
    device: int | None = None
    connector: int | None = None


@dataclass(frozen=True, slots=True)
class XenRefs:
    """A picture in pages that a domain granted to this one. ``refs`` is a file of references, or references.

    ``width`` and ``height`` are pixels, ``stride`` and ``offset`` bytes; None: rows without a gap.
    """

    guest: str
    refs: str
    width: int
    height: int
    fourcc: int
    stride: int | None = None
    offset: int = 0


def parse_xen(text: str, rest: str) -> XenScreen | XenRefs:
    """``rest`` is what follows ``xen:`` in ``text``. Raises UsageError."""
    guest, options = rest, dict[str, str]()
    while match := _OPTION.fullmatch(guest):
        guest, key, value = match.groups()
        if key in options:
            raise _wrong(text, f"{key}= is given twice", DISPLAY_FORM)
        options[key] = value
    if guest.startswith(","):
        raise _wrong(text, "the guest's name or number is missing", DISPLAY_FORM)
    if is_domid(guest) and (len(guest) > _MOST_DIGITS or int(guest) > _MAX_DOMID):
        raise _wrong(text, f"{guest!r} is no domain's number, which is at most {_MAX_DOMID}", DISPLAY_FORM)
    if not options.keys() - {"device", "connector"}:
        return XenScreen(guest, _small(text, options, "device"), _small(text, options, "connector"))
    return _refs(text, guest, options)


def is_domid(guest: str) -> bool:
    """Whether the text is a domain's number. A name of digits only is taken for one, as xl does."""
    return guest.isascii() and guest.isdecimal()


def _refs(text: str, guest: str, options: dict[str, str]) -> XenRefs:
    for key in ("device", "connector"):
        if key in options:
            raise _wrong(text, f"{key}= is for a guest's display, not for references", REFS_FORM)
    for key in ("refs", "size", "format"):
        if not options.get(key):
            raise _wrong(text, f"{key}= is missing", REFS_FORM)
    match = _SIZE.fullmatch(options["size"])
    width, height = map(int, match.groups()) if match is not None else (0, 0)
    if not (0 < width <= _MAX_EDGE and 0 < height <= _MAX_EDGE):
        raise _wrong(text, f"{options['size']!r} is no size such as 1024x768", REFS_FORM)
    try:
        fourcc = parse_fourcc(options["format"])
    except ValueError:
        raise _wrong(text, f"{options['format']!r} is no format such as XR24", REFS_FORM) from None
    stride = _number(text, options["stride"], 1, _MAX_BYTES) if "stride" in options else None
    offset = _number(text, options["offset"], 0, _MAX_BYTES) if "offset" in options else 0
    return XenRefs(guest, options["refs"], width, height, fourcc, stride, offset)


def _small(text: str, options: dict[str, str], key: str) -> int | None:
    return _number(text, options[key], 0, _MAX_NUMBER) if key in options else None


def _number(text: str, digits: str, least: int, most: int) -> int:
    if not (is_domid(digits) and len(digits) <= _MOST_DIGITS) or not least <= int(digits) <= most:
        raise _wrong(text, f"{digits!r} is no number from {least} to {most}", f"{DISPLAY_FORM}; {REFS_FORM}")
    return int(digits)


def _wrong(text: str, what: str, form: str) -> UsageError:
    return UsageError(f"{text!r} is no target: {what}", form)
