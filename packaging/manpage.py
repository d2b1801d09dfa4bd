"""Prints the man page, made from the argument parser: python packaging/manpage.py >packaging/man/mdevview.1"""

import os
import re
import sys
from pathlib import Path

# argparse wraps usage lines at the width of the terminal. With the page's indentation 73 of 80 columns are left.
os.environ["COLUMNS"] = "73"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from argparse_manpage.manpage import Manpage

from app import __version__
from app.sim.config.fault import FAULT_NAMES
from ui.cli.parser import build_parser

_TARGETS = """\
A vGPU is named by its UUID or the start of it, or by the PCI address of a virtual function.
\\fBfd:\\fIN\\fR is a VFIO device that the parent process left open.
\\fBsim:\\fIPROFILE\\fR[\\fB,\\fIKEY\\fB=\\fIVALUE\\fR...] is a simulated device, with PROFILE one of gvt, mbochs, mdpy.
Without a TARGET the only vGPU of the host is meant, or sim:gvt where there is none.
.PP
The keys of a simulated device:
"""

_KEYS = (
    ("format", "the primary plane's fourcc: XR24 (default), RG16, C8, YUYV and so on"),
    ("modifier", "LINEAR (default), X, Y, Yf or 4; gvt only"),
    ("size", "WIDTHxHEIGHT, 64x64 to 7680x4320"),
    ("fps", "flips a second, up to 1000 (default: 60); 0 freezes everything"),
    ("buffers", "how many framebuffers the guest flips among, 1 to 8; gvt only"),
    ("stride", "bytes a row"),
    ("matrix", "bt601 (default) or bt709: what YUV formats are encoded with"),
    ("cursor", "on or off; gvt only"),
    ("hot", "XxY: the cursor's hot spot, or unknown (default)"),
    ("module", "mbochs (as shipped) or mbochs_rw (default); mbochs only"),
    (
        "fault",
        f"NAME[@START[-END][/PERIOD]], times in seconds, several joined by +; NAME is one of {', '.join(FAULT_NAMES)}",
    ),
)

_EXIT_STATUS = "\n".join(
    f".TP\n.B {status}\n{meaning}"
    for status, meaning in enumerate(
        (
            "done",
            "failed",
            "bad usage",
            "no such device",
            "permission denied",
            "no picture in time",
        )
    )
)


def page() -> str:
    """The man page as troff."""
    parser = build_parser()
    examples, parser.epilog = parser.epilog or "", None
    manual = Manpage(
        parser,
        format="single-commands-section",
        _data={
            "project_name": "mdevview",
            "version": __version__,
            "manual_title": "User Commands",
            "description": "show the screen of a VM whose GPU is a mediated device",
            # With a date the page would change each time it is made.
            "date": " ",
        },
    )
    keys = "\n".join(f".TP\n.B {key}=\n{meaning}".replace("-", "\\-") for key, meaning in _KEYS)
    manual.add_section("targets", ">", _TARGETS + keys)
    commands = examples.partition("exit status:")[0].removeprefix("examples:\n").rstrip().replace("-", "\\-")
    manual.add_section("examples", ">", f".nf\n{commands}\n.fi")
    manual.add_section("exit status", ">", _EXIT_STATUS)
    manual.add_section("see also", ">", ".BR mdevctl (8),\n.BR qemu (1)")
    return re.sub(r"^usage: (.+?)\n\n", _unfilled, str(manual), flags=re.MULTILINE | re.DOTALL)


def _unfilled(usage: re.Match[str]) -> str:
    """The usage of a command with its line breaks, which troff would remove."""
    lines = usage[1].replace("\n" + " " * len("usage: "), "\n")
    return f".nf\n{lines}\n.fi\n\n"


if __name__ == "__main__":
    sys.stdout.write(page())
