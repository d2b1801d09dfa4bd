"""The status line shows a VM's name as plain text: a tool tip with markup reads the files that it names."""

from ui.window.qt_application import new_application
from ui.window.status_line import StatusLine

application, line = new_application(), StatusLine()
line.show_state("VM <img src='/dev/zero'>", "showing", "view only")
assert "<img" not in line._left.toolTip(), line._left.toolTip()
assert "<img" in line._left.text()
line.show_state("VM a &amp; b", "showing", "view only")
assert line._left.toolTip() == line._left.text()
line.show_picture("640x480", "copy", "")
line.explain_path("copy: it costs\nSeen: <img src='/dev/zero'>")
assert "<img" not in line._path.toolTip(), line._path.toolTip()
assert "<img" in line._path.accessibleDescription() and "copy" in line._path.accessibleName()
