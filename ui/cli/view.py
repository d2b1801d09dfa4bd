"""``mdevview view``: the window."""

import argparse


def run(args: argparse.Namespace) -> int:
    """Show the target until the window is closed."""
    from app.formats.yuv import Matrix  # noqa: PLC0415
    from app.planes.layout import Scaling  # noqa: PLC0415
    from ui.window import settings  # noqa: PLC0415
    from ui.window.application import view  # noqa: PLC0415
    from ui.window.options import ViewOptions  # noqa: PLC0415

    remembered = settings.view_options()
    options = ViewOptions(
        scaling=Scaling(args.scaling) if args.scaling else remembered.scaling,
        smooth=args.filter == "linear" if args.filter else remembered.smooth,
        flip_x=args.flip_x,
        flip_y=args.flip_y,
        cursor_outline=args.cursor_outline,
        straight_alpha=args.straight_alpha,
        matrix=Matrix[args.matrix.upper()],
    )
    return view(args.target, options, fullscreen=args.fullscreen)
