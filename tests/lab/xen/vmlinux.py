"""The ELF file in a bzImage. Xen's tools would unpack it at each start of a guest, which takes long when emulated."""

import lzma
import struct
from pathlib import Path

import zstandard

from tests.lab.gate import MissingError


def unpack(image: Path) -> bytes:
    """Documentation/arch/x86/boot.rst of Linux: where the payload is. Raises MissingError."""
    data = image.read_bytes()
    sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[(sectors + 1) * 512 + offset :][:length]
    try:
        elf = _decompress(payload)
    except (lzma.LZMAError, zstandard.ZstdError) as error:
        raise MissingError(f"the payload of {image} cannot be unpacked: {error}") from error
    if not elf.startswith(b"\x7fELF"):
        raise MissingError(f"the payload of {image} is no ELF file")
    return elf


def _decompress(payload: bytes) -> bytes:
    """The kernel's length stands behind the compressed data, so both decompressors must allow more bytes."""
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(payload)
    return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
