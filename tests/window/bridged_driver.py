"""As :mod:`tests.window.window_driver`, on a display that imports none of the guest's buffers.

They come over a bridge from EGL's software device, as on a host whose desktop runs on another GPU than the vGPU's.
"""

import sys
from unittest.mock import patch

from tests.gl.bridging import OTHER, Rig, bridged
from tests.window.window_driver import DrivenWindow
from ui.cli.main import main

with (
    bridged(Rig()),
    patch("ui.window.picture.picture_window.bridge_origin", lambda *_arguments: OTHER),
    patch("ui.window.overview.overview_surface.bridge_origin", lambda *_arguments: OTHER),
    patch("ui.window.viewer.MainWindow", DrivenWindow),
):
    sys.exit(main(sys.argv[1:]))
