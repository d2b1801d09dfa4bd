"""``mdevview ARGUMENTS``, then the names of all imported modules as JSON on standard error."""

import json
import sys

from ui.cli.main import main

status = main(sys.argv[1:])
json.dump(sorted(sys.modules), sys.stderr)
sys.exit(status)
