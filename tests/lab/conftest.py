"""Outside the lab's guest its device tests are not even collected: they need the real drivers and root."""

import os

collect_ignore = [] if os.environ.get("MDEVVIEW_IN_LAB") == "1" else ["inside"]
