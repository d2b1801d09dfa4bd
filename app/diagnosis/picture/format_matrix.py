"""Every format and modifier that a driver can report or a display imports, and how one reaches the other. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.driver_formats import DriverFormats, EmittedFormat
from app.formats.fourcc import format_name, fourcc_text, pixel_format
from app.formats.modifier import modifier_name

_VERSION = 1


class Reach(Enum):
    """How a plane would reach the GPU. The values are written to JSON."""

    IMPORTED = "imported"
    EXTERNAL = "external-only"
    """Imported, but only as an external texture."""
    IMPORTED_WITHOUT_MODIFIER = "imported-without-modifier"
    REINTERPRETED = "reinterpreted"
    """Imported as another format with the same bytes."""
    COPIED = "copied"
    NOT_SHOWN = "not-shown"


@dataclass(frozen=True, slots=True)
class EmittedReach:
    """A format that the driver can report, and how it would reach the GPU."""

    emitted: EmittedFormat
    reach: Reach


@dataclass(frozen=True, slots=True)
class FormatMatrix:
    """``driver`` is None if it is not known what the driver can report; then ``emitted`` is empty.

    ``display`` is what the EGL display says that it imports, empty if it does not tell.
    """

    driver: DriverFormats | None
    emitted: tuple[EmittedReach, ...]
    display: tuple[FormatSupport, ...]


@dataclass(frozen=True, slots=True)
class ModifierGroup:
    """The modifiers that a display imports with the same formats; ``external`` are those for external textures only."""

    modifiers: tuple[int, ...]
    formats: tuple[int, ...]
    external: tuple[int, ...]


def format_matrix(
    driver: DriverFormats | None,
    display: Iterable[FormatSupport],
    reach: Callable[[DriverFormats, int, int], Reach],
) -> FormatMatrix:
    """``reach`` tells how a format and modifier of the driver would reach the GPU."""
    emitted = driver.formats if driver is not None else ()
    cells = [EmittedReach(each, reach(driver, each.fourcc, each.modifier)) for each in emitted] if driver else []
    return FormatMatrix(driver, tuple(cells), tuple(display))


def groups(display: Iterable[FormatSupport]) -> tuple[ModifierGroup, ...]:
    """The display's formats for each modifier, modifiers with equal formats together. LINEAR comes first.

    A format for which the display names no modifier is left out: see :func:`without_modifiers`.
    """
    formats: dict[int, list[int]] = {}
    external: dict[int, list[int]] = {}
    for each in display:
        for modifier, only in each.modifiers:
            formats.setdefault(modifier, [])
            (external if only else formats).setdefault(modifier, []).append(each.fourcc)
    same: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for modifier in sorted(formats):
        key = (tuple(sorted(formats[modifier])), tuple(sorted(external.get(modifier, ()))))
        same.setdefault(key, []).append(modifier)
    return tuple(ModifierGroup(tuple(modifiers), *key) for key, modifiers in same.items())


def without_modifiers(display: Iterable[FormatSupport]) -> tuple[int, ...]:
    """The formats that the display imports without naming a modifier."""
    return tuple(each.fourcc for each in display if not each.modifiers)


def search(matrix: FormatMatrix, text: str) -> FormatMatrix:
    """The part of the matrix that has all words of ``text`` in the names of a format and modifier, in any case.

    Words are parts of a fourcc, of a format's or modifier's name, or of a modifier in hexadecimal (``0x1``).
    """
    words = text.casefold().split()
    display = tuple(
        replace(each, modifiers=modifiers)
        for each in matrix.display
        if (modifiers := tuple(one for one in each.modifiers if _fits(words, each.fourcc, one[0])))
        or (not each.modifiers and _fits(words, each.fourcc, None))
    )
    emitted = tuple(each for each in matrix.emitted if _fits(words, each.emitted.fourcc, each.emitted.modifier))
    return FormatMatrix(matrix.driver, emitted, display)


def _fits(words: list[str], fourcc: int, modifier: int | None) -> bool:
    names = [fourcc_text(fourcc), format_name(fourcc)]
    if modifier is not None:
        names += [modifier_name(modifier), f"0x{modifier:x}"]
    folded = [each.casefold() for each in names]
    return all(any(word in name for name in folded) for word in words)


def matrix_document(matrix: FormatMatrix) -> dict[str, Any]:
    """The matrix for programs. A published key keeps its meaning.

    ``driver`` is null if it is not known what the driver can report. ``display`` has every format that the display
    imports; ``shown`` says whether this program can draw it, ``emitted`` whether the driver can report the pair.
    """
    driver = matrix.driver
    pairs = {(each.emitted.fourcc, each.emitted.modifier) for each in matrix.emitted}
    return {
        "version": _VERSION,
        "driver": None
        if driver is None
        else {
            "name": driver.driver,
            "source": driver.source,
            "complete": driver.complete,
            "region": driver.region,
            "cpu_readable": driver.readable,
            "formats": [_emitted_document(each) for each in matrix.emitted],
        },
        "display": [
            {
                "fourcc": fourcc_text(each.fourcc),
                "format_name": format_name(each.fourcc),
                "shown": pixel_format(each.fourcc) is not None,
                "modifiers": [
                    {
                        "modifier": modifier,
                        "modifier_name": modifier_name(modifier),
                        "external_only": external,
                        "emitted": (each.fourcc, modifier) in pairs,
                    }
                    for modifier, external in each.modifiers
                ],
            }
            for each in matrix.display
        ],
    }


def _emitted_document(each: EmittedReach) -> dict[str, Any]:
    emitted = each.emitted
    return {
        "fourcc": fourcc_text(emitted.fourcc),
        "format_name": format_name(emitted.fourcc),
        "modifier": emitted.modifier,
        "modifier_name": modifier_name(emitted.modifier),
        "planes": list(emitted.planes),
        "condition": emitted.condition or None,
        "reach": each.reach.value,
    }
