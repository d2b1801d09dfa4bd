"""Asks root's helper through sudo at its terminal: ``ask_at_terminal.py FOLDER``, where a script stands for sudo.

Prints "asking", then the error or "interrupted".
"""

import os
import sys
from pathlib import Path

from app.attach import helper_request
from app.attach.helper_fds import HelperMethod
from app.attach.helper_installation import HelperInstallation, PasswordPrompts
from app.attach.helper_request import request_fds
from app.errors import MdevviewError

folder = Path(sys.argv[1])
helper_request._ANSWER_S = 0.5
installation = HelperInstallation(
    folder / "helper", folder / "action", (folder,), os.getuid(), lambda: 1000, lambda: PasswordPrompts(True, False)
)
print("asking", flush=True)
try:
    request_fds(os.getpid(), None, HelperMethod.SUDO, installation)
except MdevviewError as error:
    print(error, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
