"""What a display imports, as rows of texts: one for each pair of a format and a modifier. Pure."""

from collections.abc import Iterable, Sequence

from app.diagnosis.picture_facts import FormatSupport
from app.formats.fourcc import format_name, fourcc_text
from app.formats.modifier import modifier_name
from app.planes.plane_document import Document
from ui.window.inspector.rows_model import Row

HEADINGS = ("Format", "Modifier", "Import", "Guest")
IMPORTED = "yes"
EXTERNAL = "external only"
REFUSED = "no"
_SHOWN = "on screen"


def shown_pairs(document: Document) -> frozenset[tuple[str, int]]:
    """The formats of the planes of an ``inspect`` document: fourcc as text, and modifier."""
    planes = [each for each in document.get("planes", {}).values() if each is not None]
    return frozenset((each["fourcc"], each["modifier"]) for each in planes)


def format_rows(formats: Iterable[FormatSupport], shown: frozenset[tuple[str, int]]) -> tuple[Row, ...]:
    """First the pairs that the guest shows, then what the display imports in its order.

    A pair that is shown and that the display does not name has its row too.
    """
    rows: dict[tuple[str, int | None], Row] = {}
    for each in formats:
        text = fourcc_text(each.fourcc)
        name = _format_text(text, format_name(each.fourcc))
        for modifier, external in each.modifiers:
            used = _SHOWN if (text, modifier) in shown else ""
            rows[text, modifier] = Row(
                (text, modifier), (name, modifier_name(modifier), EXTERNAL if external else IMPORTED, used)
            )
        if not each.modifiers:
            rows[text, None] = Row((text, None), (name, "driver's choice", IMPORTED, ""))
    first = []
    for text, modifier in sorted(shown):
        known = rows.pop((text, modifier), None)
        first.append(known or Row((text, modifier), (text, modifier_name(modifier), REFUSED, _SHOWN)))
    return (*first, *rows.values())


def _format_text(fourcc: str, name: str) -> str:
    return fourcc if fourcc == name else f"{fourcc}  {name}"


def matches(texts: Sequence[str], search: str) -> bool:
    """Whether each word of the search is in one of the texts, in any case."""
    line = "\n".join(texts).lower()
    return all(word in line for word in search.lower().split())
