"""The page at every size, by keyboard, and for a screen reader."""

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QPushButton, QScrollArea, QWidget

from ui.window.inspector.wrapped_text import WrappedText
from ui.window.page.page_content import PageAction, PageContent
from ui.window.page.status_page import StatusPage
from ui.window.qt_application import new_application

application = new_application()
page = StatusPage()
pressed: list[PageAction] = []
page.pressed.connect(pressed.append)
long = "<b>No</b> " + "x" * 300
page.show_content(
    PageContent("No such device", long, "Start it. " * 20, "desk: no-such-device", ("a: b", "c: d")), tuple(PageAction)
)
page.show_notice("The details are in the clipboard")
page.show()
texts, buttons = page.findChildren(WrappedText), page.findChildren(QPushButton)
(area,) = page.findChildren(QScrollArea)


def place(widget: QWidget) -> tuple[int, int]:
    """Left and right edge on the page."""
    left = widget.mapTo(page, widget.rect().topLeft()).x()
    return left, left + widget.width()


# Nothing is cut: lines are wrapped, and what is too high can be scrolled to.
for width, height in ((1366, 768), (640, 480), (240, 180), (160, 120)):
    page.resize(width, height)
    for _ in range(3):
        application.processEvents()
    inner = area.widget()
    assert inner is not None
    for each in (*texts, *buttons):
        left, right = place(each)
        assert left >= 0 and right <= width, (width, each)
    for each in texts:
        document = each.document()
        assert document is not None
        assert document.size().height() <= each.height() + 1 and document.idealWidth() <= each.width() + 1, each
    scroll = area.verticalScrollBar()
    viewport = area.viewport()
    assert scroll is not None and viewport is not None
    assert scroll.maximum() == max(0, inner.height() - viewport.height())
    assert inner.height() >= inner.minimumSizeHint().height()

# A screen reader's view: each text by its own words, each button by its text and with the reason that it is there.
assert [each.accessibleName() for each in texts][:2] == ["No such device", long]
assert all(each.accessibleName() == each.toPlainText() != "" for each in texts)
assert (page.accessibleName(), page.accessibleDescription()[:9]) == ("No such device", "<b>No</b>")
assert [each.text() for each in buttons] == [each.text for each in PageAction]
assert all(each.accessibleDescription().startswith("<b>No</b>") for each in buttons)

# By keyboard: from the first text to the last button, in the order of the page, and Enter presses.
page.activateWindow()
order, first = [], texts[0]
first.setFocus()
for _ in range(len(buttons) + 4):
    QTest.keyClick(application.focusWidget(), Qt.Key.Key_Tab)  # type: ignore[call-overload]
    order.append(application.focusWidget())
assert order[4:] == buttons, order
page.focus_first()
assert application.focusWidget() is buttons[0]
QTest.keyClick(buttons[0], Qt.Key.Key_Return)  # type: ignore[call-overload]
QTest.keyClick(buttons[4], Qt.Key.Key_Space)  # type: ignore[call-overload]
assert pressed == [PageAction.RETRY, PageAction.DOCTOR]

# What is selected stays so while a time in the evidence goes on; another page shows its own words.
page.show_content(PageContent("Off", "It is off.", "", "off for 5 s"), (PageAction.CHOOSE,))
evidence = next(each for each in texts if each.toPlainText() == "off for 5 s")
evidence.selectAll()
page.show_content(PageContent("Off", "It is off.", "", "off for 6 s"), (PageAction.CHOOSE,))
assert evidence.textCursor().selectedText() == "off for 5 s"
page.show_content(PageContent("Gone", "It is gone.", "", "gone"), (PageAction.CHOOSE,))
assert evidence.toPlainText() == "gone"
assert [each.text() for each in buttons if each.isVisible()] == ["Choose another…"]
