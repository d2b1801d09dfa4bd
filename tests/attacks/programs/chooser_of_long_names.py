"""The chooser with a VM of a long and harmful name: no cell has more than one short line."""

import sys

from app.host.screens import HostScreens
from app.host.vgpu import Holder, Vgpu
from app.text.clean import LONGEST_LINE
from ui.window.chooser import Chooser
from ui.window.qt_application import new_application

application, chooser = new_application(), Chooser()
# Even a name that nobody cleaned on its way here, and as many holders as there may be.
holders = tuple(Holder(pid, "qemu\u202e\n", 9, "a\u202eb\n" * 50_000, None) for pid in range(1, 40))
chooser.show_screens(HostScreens((Vgpu("83b8f4f2", type_name="<img src=/dev/zero>" * 9999, holders=holders),)))
item = chooser._tree.topLevelItem(0)
assert item is not None
cells = [item.text(column) for column in range(4)]
chooser.done(0)
assert chooser._screens.join(20)
assert all(len(each) <= LONGEST_LINE and each.isprintable() for each in cells), cells
assert "\u202e" not in "".join(cells)
sys.exit(0)
