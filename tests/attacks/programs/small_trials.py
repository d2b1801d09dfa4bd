"""``mdevview ARGUMENTS`` whose import trials have small limits, so that a test of the limits takes no minutes."""

import os
import sys
from functools import partial
from unittest.mock import patch

from gl.trial_process import TrialLimits
from ui.cli.main import main

# On a busy machine, other ends than the hang may take more than a second.
seconds = 1.0 if os.environ["HOSTILE_EGL"] == "hang" else 30.0
with patch("gl.import_trials.TrialLimits", partial(TrialLimits, import_s=seconds, starts=0, memory=400 << 20)):
    sys.exit(main(sys.argv[1:]))
