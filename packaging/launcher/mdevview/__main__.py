import sys

from mdevview import main

sys.exit(main())
