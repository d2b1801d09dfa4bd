"""Makes Qt's application, and destroys the windows that are left before Python ends.

When Python ends, PyQt walks through its table of all objects and destroys those that Python owns (cleanup_on_exit() in
PyQt's QtCore, sip_api_visit_wrappers() in sip_core.c). Python code that runs meanwhile, as the event filter of a window
that is being destroyed, adds objects to that table. It then grows and moves, and the walk goes on in freed memory: the
process ends by SIGSEGV, after all else has gone well. So no window may be left by then.
"""

import atexit

from PyQt6 import sip
from PyQt6.QtCore import QEvent
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow


def new_application() -> QApplication:
    """Make the application. Only here: whatever way the program ends, its windows are then destroyed in time.

    Qt ends the process if it finds no display.
    """
    application = QApplication(["mdevview"])
    # PyQt's own handler was registered when PyQt was imported, and the last that is registered is called first.
    atexit.register(_destroy_windows)
    return application


def _destroy_windows() -> None:
    # What was to be deleted later, such as the panel of a window that is closed.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    # Asked for anew each time, as a window takes its dialogs with it. Menus and loose widgets are pyqtgraph's.
    while windows := [each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow | QDialog)]:
        sip.delete(next((each for each in windows if each.parent() is None), windows[0]))
