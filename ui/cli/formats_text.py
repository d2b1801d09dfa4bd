"""What ``mdevview inspect --formats`` prints for people, in lines of at most 100 characters."""

from app.diagnosis.picture.format_matrix import EmittedReach, FormatMatrix, Reach, groups, without_modifiers
from app.formats.driver_formats import DriverFormats
from app.formats.fourcc import format_name, fourcc_text
from app.formats.modifier import modifier_name
from app.planes.plane_document import Document
from ui.cli.aligned import columns, wrapped

_WORDS = {
    Reach.IMPORTED: ("import", "imported without a copy"),
    Reach.EXTERNAL: ("external", "imported without a copy, as an external texture only"),
    Reach.IMPORTED_WITHOUT_MODIFIER: ("implicit", "imported without naming the modifier: the driver knows the tiling"),
    Reach.REINTERPRETED: ("other", "imported as another format with the same bytes, which a shader decodes"),
    Reach.COPIED: ("copy", "copied by the CPU in each frame"),
    Reach.NOT_SHOWN: ("-", "not shown"),
}


def formats_lines(matrix: FormatMatrix, renderer: Document) -> list[str]:
    """The driver's formats first, then all that the display imports."""
    lines = wrapped(_driver_text(matrix.driver), "driver:     ", " " * 12)
    lines += wrapped(
        f"{renderer['name']}; EGL {renderer['egl_vendor']} {renderer['egl_version']}", "display:    ", " " * 12
    )
    if renderer["fallback_reason"]:
        lines += wrapped(f"chosen by EGL: {renderer['fallback_reason']}", " " * 12, " " * 12)
    if not renderer["imports_dmabufs"]:
        lines += wrapped("imports no dma-bufs: every plane would be copied", " " * 12, " " * 12)
    if matrix.emitted:
        lines += ["", "what the driver can report, and how it reaches this display:"]
        lines += _emitted_lines(matrix.emitted)
    lines += ["", "all that the display imports:"]
    return lines + _display_lines(matrix)


def _driver_text(driver: DriverFormats | None) -> str:
    if driver is None:
        return "it is not known which formats this driver can report"
    text = f"{driver.driver}; source: {driver.source}"
    if driver.region:
        text += "; the pixels are in a region of the device, which is always copied"
    elif not driver.readable:
        text += "; the CPU cannot read its buffers, so nothing is copied"
    return text if driver.complete else f"{text}; the list may lack some"


def _emitted_lines(cells: tuple[EmittedReach, ...]) -> list[str]:
    """A row for each format and plane, a column for each modifier; a pair that is not reported is blank."""
    modifiers = sorted({each.emitted.modifier for each in cells})
    rows: dict[tuple[int, tuple[str, ...]], dict[int, EmittedReach]] = {}
    for each in cells:
        rows.setdefault((each.emitted.fourcc, each.emitted.planes), {})[each.emitted.modifier] = each
    conditions = sorted({each.emitted.condition for each in cells if each.emitted.condition})
    signs = {condition: "*" * number for number, condition in enumerate(conditions, 1)}
    table = [("FORMAT", "NAME", "PLANE", *map(modifier_name, modifiers), "")]
    for (fourcc, planes), row in rows.items():
        found = [row.get(each) for each in modifiers]
        texts = [_cell(each, signs) if each is not None else "" for each in found]
        table.append((fourcc_text(fourcc), format_name(fourcc), ", ".join(planes), *texts, ""))
    lines = [*columns(table), ""]
    used = {each.reach for each in cells}
    legend = [f"{word}: {meaning}" for reach, (word, meaning) in _WORDS.items() if reach in used]
    legend += [f"{sign}: only on {condition}" for condition, sign in signs.items()]
    return lines + [line for each in legend for line in wrapped(each, "  ", "    ")]


def _cell(each: EmittedReach, signs: dict[str, str]) -> str:
    sign = signs.get(each.emitted.condition, "")
    return f"{_WORDS[each.reach][0]}{' ' if sign else ''}{sign}"


def _display_lines(matrix: FormatMatrix) -> list[str]:
    lines = []
    for group in groups(matrix.display):
        names = ", ".join(map(modifier_name, group.modifiers))
        lines += wrapped(f"{names}:", "  ", "  ")
        if group.formats:
            lines += wrapped(_names(group.formats), "      ", "      ")
        if group.external:
            lines += wrapped(f"as an external texture only: {_names(group.external)}", "      ", "      ")
    if alone := without_modifiers(matrix.display):
        lines += wrapped("no modifier is named for:", "  ", "  ") + wrapped(_names(alone), "      ", "      ")
    return lines or ["  the display does not tell"]


def _names(fourccs: tuple[int, ...]) -> str:
    return " ".join(sorted(map(fourcc_text, fourccs)))
