"""``mdevview view``: the window."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.diagnosis.report.host_report import HostReport
    from ui.window.picture.view_options import ViewOptions
    from ui.window.settings.settings import Settings
    from ui.window.viewer import WindowOptions


def run(args: argparse.Namespace) -> int:
    """Show the target until the window is closed."""
    from ui.window.application import view  # noqa: PLC0415

    return view(args.target, replace(window_options(args), wait=args.wait, qmp=args.qmp, page=args.page))


def window_options(args: argparse.Namespace) -> "WindowOptions":
    """The options that all commands with a window have."""
    from app.attach.helper_fds import HelperMethod  # noqa: PLC0415
    from ui.window.settings import settings  # noqa: PLC0415
    from ui.window.viewer import WindowOptions  # noqa: PLC0415

    remembered = settings.load()
    return WindowOptions(
        _view_options(args, remembered),
        fullscreen=args.fullscreen,
        helper=HelperMethod(args.helper),
        resolution=args.resolution,
        follow=args.follow,
        poll=args.poll,
        geometry=remembered.geometry,
        gpu=args.gpu,
        examine_host=_examine_host,
    )


def _examine_host() -> "HostReport":
    # Few windows need it.
    from ui.cli.doctor import host_report  # noqa: PLC0415

    return host_report()


def _view_options(args: argparse.Namespace, remembered: "Settings") -> "ViewOptions":
    """How to show the picture: the options of the command line, and else the settings of the last run."""
    from app.formats.yuv import Matrix  # noqa: PLC0415
    from app.planes.placement import Rotation, Scaling  # noqa: PLC0415
    from ui.window.picture.view_options import ViewOptions  # noqa: PLC0415

    return ViewOptions(
        scaling=Scaling(args.scaling) if args.scaling else remembered.scaling,
        smooth=args.filter == "linear" if args.filter else remembered.smooth,
        rotation=Rotation(args.rotate),
        flip_x=args.flip_x,
        flip_y=args.flip_y,
        cursor_outline=args.cursor_outline,
        straight_alpha=args.straight_alpha,
        matrix=Matrix[args.matrix.upper()],
        tear_free=args.tear_free,
    )
