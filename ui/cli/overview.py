"""``mdevview overview``: the screens of many vGPUs in one window."""

import argparse


def run(args: argparse.Namespace) -> int:
    """Show the targets, or every vGPU of the host, until the last window is closed."""
    from app.attach.helper_fds import HelperMethod  # noqa: PLC0415
    from ui.window.overview.overview import overview  # noqa: PLC0415
    from ui.window.picture.view_options import ViewOptions  # noqa: PLC0415
    from ui.window.window_options import WindowOptions  # noqa: PLC0415

    options = WindowOptions(ViewOptions(), helper=HelperMethod(args.helper), given=frozenset(), gpu=args.gpu)
    return overview(args.targets, options, fullscreen=args.fullscreen)
