"""Starts of ``mdevview`` whose import trials have small limits, so that a test of the limits takes no minutes.

``python -m ... ARGUMENTS`` is one start. Without arguments standard input has a list of them, and standard output gets
the status, the output and the errors of each: a process of its own for each start would take most of the tests' time.
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from unittest.mock import patch

from gl.trial_process import TrialLimits
from gl.trial_record import default_record
from ui.cli.main import main


def start(arguments: list[str]) -> tuple[int, str, str]:
    """What a start came to. It knows only what is in the user's record."""
    default_record.cache_clear()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return status, out.getvalue(), err.getvalue()


# On a busy machine, other ends than the hang may take more than a second.
seconds = 1.0 if os.environ["HOSTILE_EGL"] == "hang" else 30.0
with patch("gl.import_trials.TrialLimits", partial(TrialLimits, import_s=seconds, starts=0, memory=400 << 20)):
    if sys.argv[1:]:
        sys.exit(main(sys.argv[1:]))
    json.dump([start(each) for each in json.load(sys.stdin)], sys.stdout)
