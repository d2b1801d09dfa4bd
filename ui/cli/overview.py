"""``mdevview overview``: the screens of many vGPUs in one window."""

import argparse


def run(args: argparse.Namespace) -> int:
    """Show the targets, or every vGPU of the host, until the last window is closed."""
    from app.attach.helper_fds import HelperMethod  # noqa: PLC0415
    from ui.window.overview.overview import overview  # noqa: PLC0415
    from ui.window.picture.view_options import ViewOptions  # noqa: PLC0415
    from ui.window.settings import settings  # noqa: PLC0415
    from ui.window.viewer import WindowOptions  # noqa: PLC0415

    remembered = settings.load()
    view = ViewOptions(scaling=remembered.scaling, smooth=remembered.smooth)
    options = WindowOptions(view, helper=HelperMethod(args.helper), geometry=remembered.geometry, gpu=args.gpu)
    return overview(args.targets, options, fullscreen=args.fullscreen)
