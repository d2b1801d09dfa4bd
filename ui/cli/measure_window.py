"""``mdevview measure --window``."""

import argparse
import signal

from app.attach.helper_fds import HelperMethod
from app.measure.record.frame_record import FrameRecord
from app.measure.record.recorder import Recorder
from app.open.opening import OpenOptions
from ui.cli.measure_files import check_rows, csv_file, exit_status, write_run
from ui.cli.measure_progress import Progress, flips_text
from ui.window.picture.view_options import ViewOptions
from ui.window.window_measurement import MeasureOptions, measure_in_window
from ui.window.window_options import WindowOptions


def measure_window(args: argparse.Namespace) -> int:
    """Measure what a window shows. Raises MdevviewError."""
    helper = HelperMethod(args.helper)
    progress: list[Progress] = []

    def begin(recorder: Recorder) -> None:
        progress.append(Progress(flips_text(recorder, args.duration)))

    with csv_file(args) as csv:
        try:
            run = measure_in_window(
                args.target,
                OpenOptions(helper, guest_process=True),
                WindowOptions(ViewOptions(), helper=helper, poll=args.poll, gpu=args.gpu),
                MeasureOptions(args.duration, args.timeout, args.size, args.poll),
                csv.add if csv is not None else _ignore,
                begin,
                lambda: progress[0].show(),  # noqa: PLW0108  (there is none yet)
            )
        finally:
            for each in progress:
                each.clear()
    write_run(args, run.document)
    check_rows(args, csv)
    # Whoever closes the window ends the run as Ctrl-C does.
    return exit_status(run.document, run.status, run.signal or signal.SIGINT)


def _ignore(_record: FrameRecord) -> None:
    """For a run without a file of rows."""
