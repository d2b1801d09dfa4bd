"""What a display imports and what a driver can report: a row of texts for each pair of format and modifier. Pure."""

from collections.abc import Iterable, Sequence

from app.diagnosis.picture.format_matrix import EmittedReach, Reach
from app.diagnosis.picture.picture_facts import FormatSupport
from app.formats.fourcc import format_name, fourcc_text
from app.formats.modifier import modifier_name
from app.planes.plane_document import Document
from ui.window.inspector.rows_model import Row

HEADINGS = ("Format", "Modifier", "To the GPU", "Driver")
_IMPORTED = "imported"
_EXTERNAL = "external only"
_REFUSED = "not imported"
_SHOWN = "on screen"
_REACHES = {
    Reach.IMPORTED: _IMPORTED,
    Reach.EXTERNAL: _EXTERNAL,
    Reach.IMPORTED_WITHOUT_MODIFIER: "no modifier",
    Reach.REINTERPRETED: "reinterpreted",
    Reach.COPIED: "copied",
    Reach.NOT_SHOWN: "not shown",
}
Pair = tuple[str, int | None]


def shown_pairs(document: Document) -> frozenset[tuple[str, int]]:
    """The formats of the planes of an ``inspect`` document: fourcc as text, and modifier."""
    planes = [each for each in document.get("planes", {}).values() if each is not None and each["fourcc"]]
    return frozenset((each["fourcc"], each["modifier"]) for each in planes)


def format_rows(
    formats: Iterable[FormatSupport], emitted: Iterable[EmittedReach], shown: frozenset[tuple[str, int]]
) -> tuple[Row, ...]:
    """First the pairs that the guest shows, then what its driver can report, then what else the display imports.

    A pair that is shown and that nobody names has its row too.
    """
    imports: dict[Pair, str] = {}
    names: dict[str, str] = {}
    for each in formats:
        fourcc = fourcc_text(each.fourcc)
        names[fourcc] = format_name(each.fourcc)
        imports |= {(fourcc, modifier): _EXTERNAL if only else _IMPORTED for modifier, only in each.modifiers}
        if not each.modifiers:
            imports[fourcc, None] = _IMPORTED
    drivers: dict[Pair, list[str]] = {(fourcc, modifier): [_SHOWN] for fourcc, modifier in sorted(shown)}
    for one in emitted:
        fourcc, modifier = fourcc_text(one.emitted.fourcc), one.emitted.modifier
        names[fourcc] = format_name(one.emitted.fourcc)
        imports[fourcc, modifier] = _REACHES[one.reach]
        words = [*one.emitted.planes, *filter(None, (one.emitted.condition,))]
        known = drivers.setdefault((fourcc, modifier), [])
        known += [each for each in words if each not in known]
    pairs = dict.fromkeys((*drivers, *imports))
    return tuple(
        Row(
            pair,
            (
                _format_text(pair[0], names.get(pair[0], pair[0])),
                modifier_name(pair[1]) if pair[1] is not None else "driver's choice",
                imports.get(pair, _REFUSED),
                ", ".join(drivers.get(pair, ())),
            ),
        )
        for pair in pairs
    )


def _format_text(fourcc: str, name: str) -> str:
    return fourcc if fourcc == name else f"{fourcc} {name}"


def matches(texts: Sequence[str], search: str) -> bool:
    """Whether each word of the search is in one of the texts, in any case."""
    line = "\n".join(texts).lower()
    return all(word in line for word in search.lower().split())
