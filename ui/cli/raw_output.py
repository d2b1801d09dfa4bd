"""Files of a plane's bytes: written with the document beside them, and read again."""

import json
import os
import stat
import sys
from pathlib import Path

from app.errors import MdevviewError
from app.planes.plane_document import Document
from app.planes.raw_file import MOST_BYTES, RawFacts, parse_raw_document
from ui.cli.output_file import is_replaced, write_file, write_files

# The same limit as that of a copy of memory that may vanish.
_MOST_RAW_BYTES = 1 << 30
_TOO_LONG = f"more than {_MOST_RAW_BYTES} bytes are more than any picture has"
_CHUNK = 1 << 20


def document_name(name: str) -> str:
    """The document of a file of raw bytes: its name with ``.json`` behind it."""
    return f"{name}.json"


def write_raw(name: str, data: memoryview, document: Document) -> None:
    """Write the bytes, and beside a new file the document. Raises MdevviewError, and BrokenPipeError."""
    if is_replaced(name):
        write_files(name, data, document_name(name), json.dumps(document, indent=2).encode() + b"\n")
    else:
        write_file(name, data)


def read_raw(name: str) -> tuple[memoryview, RawFacts | None]:
    """The bytes of a file (``-``: standard input), and what the document beside it says; None without one.

    Raises MdevviewError.
    """
    try:
        if name == "-":
            return _read_all(sys.stdin.fileno()), None
        with Path(name).open("rb") as stream:
            data = _read_all(stream.fileno())
        facts = _read_document(Path(document_name(name)))
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        raise MdevviewError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    if not data:
        raise MdevviewError(f"{name}: the file is empty")
    return data, facts


def _read_all(fd: int) -> memoryview:
    """Read to the end, whatever the size of the file claims to be. Raises ValueError if it is too long."""
    if os.fstat(fd).st_size > _MOST_RAW_BYTES:
        raise ValueError(_TOO_LONG)
    data = bytearray()
    with open(fd, "rb", buffering=0, closefd=False) as stream:
        while chunk := stream.read(_CHUNK):
            data += chunk
            if len(data) > _MOST_RAW_BYTES:
                raise ValueError(_TOO_LONG)
    return memoryview(data).toreadonly()


def _read_document(path: Path) -> RawFacts | None:
    """Only of a regular file: the open of a FIFO of this name would wait."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise MdevviewError(f"{path}: this is no regular file")
            data = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        return parse_raw_document(data)
    except ValueError as error:
        remedy = "without this file, give --as FORMAT:MODIFIER:WxH:STRIDE"
        raise MdevviewError(f"{path}: {error}", remedy) from error
