"""``mdevview view``: the window."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.diagnosis.report.host_report import HostReport
    from ui.window.picture.view_options import ViewOptions
    from ui.window.window_options import WindowOptions


def run(args: argparse.Namespace) -> int:
    """Show the target until the window is closed."""
    from ui.window.application import view  # noqa: PLC0415

    return view(args.target, replace(window_options(args), wait=args.wait, qmp=args.qmp, page=args.page))


def window_options(args: argparse.Namespace) -> "WindowOptions":
    """The options that all commands with a window have."""
    from app.attach.helper_fds import HelperMethod  # noqa: PLC0415
    from ui.window.window_options import WindowOptions  # noqa: PLC0415

    view, given = _view_options(args)
    return WindowOptions(
        view,
        fullscreen=args.fullscreen,
        helper=HelperMethod(args.helper),
        resolution=args.resolution,
        follow=args.follow,
        poll=args.poll,
        given=given,
        gpu=args.gpu,
        examine_host=_examine_host,
    )


def _examine_host() -> "HostReport":
    # Few windows need it.
    from ui.cli.doctor import host_report  # noqa: PLC0415

    return host_report()


def _view_options(args: argparse.Namespace) -> "tuple[ViewOptions, frozenset[str]]":
    """How to show the picture, and what of that the command line gave: all else is as it was last chosen."""
    from app.formats.yuv import Matrix  # noqa: PLC0415
    from app.planes.placement import Rotation, Scaling  # noqa: PLC0415
    from ui.window.picture.view_options import ViewOptions  # noqa: PLC0415

    given: dict[str, Any] = {}
    if args.scaling:
        given["scaling"] = Scaling(args.scaling)
    if args.filter:
        given["smooth"] = args.filter == "linear"
    if args.rotate is not None:
        given["rotation"] = Rotation(args.rotate)
    given |= {name: True for name in ("flip_x", "flip_y") if getattr(args, name)}
    options = ViewOptions(
        **given,
        cursor_outline=args.cursor_outline,
        straight_alpha=args.straight_alpha,
        matrix=Matrix[args.matrix.upper()],
        tear_free=args.tear_free,
    )
    return options, frozenset(given)
