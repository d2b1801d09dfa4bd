"""Prints the man page, made from the command line's parser: python packaging/manpage.py >packaging/man/mdevview.1"""

import os
import re
import sys
from pathlib import Path

# The usage lines are wrapped to the terminal's width, here to what the page's indentation leaves of 80.
os.environ["COLUMNS"] = "73"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from argparse_manpage.manpage import Manpage

from app import __version__
from ui.cli.parser import build_parser

_TARGETS = """\
A vGPU is named by its UUID or the start of it, or by the PCI address of a virtual function.
\\fBfd:\\fIN\\fR is a VFIO device that the parent process left open.
\\fBsim:\\fIPROFILE\\fR[\\fB,\\fIKEY\\fB=\\fIVALUE\\fR...] is a simulated device, with PROFILE one of gvt, mbochs, mdpy
and the keys format, modifier, size, fps, buffers, stride, matrix, cursor, hot, module and fault.
Without a TARGET the only vGPU of the host is meant, or sim:gvt where there is none."""

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
            # A date would change the page whenever it is made.
            "date": " ",
        },
    )
    manual.add_section("targets", ">", _TARGETS)
    shown = examples.partition("exit status:")[0].removeprefix("examples:\n").rstrip().replace("-", "\\-")
    manual.add_section("examples", ">", f".nf\n{shown}\n.fi")
    manual.add_section("exit status", ">", _EXIT_STATUS)
    manual.add_section("see also", ">", ".BR mdevctl (8),\n.BR qemu (1)")
    return re.sub(r"^usage: (.+?)\n\n", _unfilled, str(manual), flags=re.MULTILINE | re.DOTALL)


def _unfilled(usage: re.Match[str]) -> str:
    """A command's usage as it is: filled, it would lose its lines."""
    lines = usage[1].replace("\n" + " " * len("usage: "), "\n")
    return f".nf\n{lines}\n.fi\n\n"


if __name__ == "__main__":
    sys.stdout.write(page())
