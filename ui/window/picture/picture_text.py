"""Texts about the picture in the words of the window, and how a notice over it is painted."""

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QTextOption

from app.diagnosis.finding import Finding
from app.formats.fourcc import fourcc_text
from app.formats.modifier import modifier_name
from app.planes.plane import Plane
from app.planes.status import Reason, State, Status

_HEADINGS_BY_STATE = {
    State.WAITING: "Waiting",
    State.NO_SIGNAL: "No signal",
    State.SHOWING: "Showing",
    State.DEGRADED: "Showing, with a copy",
    State.ERROR: "Cannot show this",
    State.GONE: "Gone",
}
_HEADINGS_BY_REASON = {Reason.VM_ENDED: "VM ended", Reason.DEVICE_REMOVED: "Device removed"}

PICTURE_BACKGROUND = QColor(24, 26, 30)
HEADING_COLOUR = QColor(236, 239, 244)
HINT_COLOUR = QColor(190, 196, 206)
_NOTICE_COLOUR = QColor(20, 22, 26, 215)
_MARGIN = 24.0


def status_heading(status: Status) -> str:
    """The state in one or two words."""
    return _HEADINGS_BY_REASON.get(status.reason, _HEADINGS_BY_STATE[status.state])


def plane_text(plane: Plane) -> str:
    """Resolution, format and modifier of a plane: "1920x1080  XR24 INTEL_X_TILED"."""
    return f"{plane.width}x{plane.height}  {fourcc_text(plane.fourcc)} {modifier_name(plane.modifier)}"


def _font(painter: QPainter, points: float, bold: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPointSizeF(points)
    font.setBold(bold)
    return font


def finding_text(finding: Finding) -> str:
    """What a finding says, and what to do. The window has one picture, so its plane is not named."""
    message = finding.message.removeprefix("primary plane: ")
    return f"{message} {finding.remedy}".strip()


def paint_notice(painter: QPainter, area: QRectF, text: str) -> None:
    """Paint a short notice in a box at the bottom of ``area``."""
    painter.setFont(_font(painter, 10))
    option = QTextOption(Qt.AlignmentFlag.AlignCenter)
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    room = area.adjusted(_MARGIN * 2, _MARGIN, -_MARGIN * 2, -_MARGIN)
    if room.width() <= 0:
        return
    box = painter.boundingRect(room, text, option).adjusted(-14, -8, 14, 8)
    box.moveBottom(area.bottom() - _MARGIN)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_NOTICE_COLOUR)
    painter.drawRoundedRect(box, 6, 6)
    painter.setPen(HEADING_COLOUR)
    painter.drawText(box.adjusted(14, 8, -13, -8), text, option)
