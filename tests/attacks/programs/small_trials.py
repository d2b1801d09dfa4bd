"""``mdevview ARGUMENTS`` whose import trials have small limits, so that a test of the limits takes no minutes."""

import sys
from functools import partial
from unittest.mock import patch

from gl.trial_process import TrialLimits
from ui.cli.main import main

with patch("gl.import_trials.TrialLimits", partial(TrialLimits, import_s=1.0, memory=400 << 20)):
    sys.exit(main(sys.argv[1:]))
