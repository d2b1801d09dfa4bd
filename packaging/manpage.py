"""Prints the man page, made from the argument parser: python packaging/manpage.py >packaging/man/mdevview.1"""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# argparse wraps usage lines at the width of the terminal. With the page's indentation 73 of 80 columns are left.
os.environ["COLUMNS"] = "73"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from argparse_manpage.manpage import Manpage

from app import __version__
from app.sim.config.fault import FAULT_NAMES
from ui.cli.common_arguments import ALL_COMMANDS
from ui.cli.parser import MORE, build_parser
from ui.window.actions.actions import KEYED, plain_text

_TARGETS = (
    (
        "UUID",
        "a vGPU, by its UUID, the start or the end of it. A vGPU that a VM has open is shown through that VM",
    ),
    ("PCI address", "a vGPU that is a virtual function (0000:41:00.4), or the only vGPU of a GPU (0000:00:02.0)"),
    (
        "vm:NAME[,console=N]",
        "a running VM by the name that its command line or libvirt gives it, or by its number in Proxmox VE (vm:105). "
        "One that has a vGPU open comes before others of that name, and yours before those of other users. Without a "
        "vGPU its QEMU display is shown, if it was started with -display dbus; N is one of several screens",
    ),
    (
        "pid:N[,fd=M|,console=N]",
        "the VM whose process is N. With several vGPUs, M is the number of the device's file in that process",
    ),
    (
        "dbus:ADDRESS[,pid=N][,console=N]",
        "the D-Bus display of a QEMU on the bus with this address, as in dbus:unix:path=/run/user/1000/bus; pid "
        "chooses among several VMs on it",
    ),
    (
        "xen:NAME[,device=N][,connector=N]",
        "the PV display (vdispl) of a Xen guest, by its name or its domain's number; device and connector choose among "
        "several screens. With --wait before xl create, which waits ten seconds for the display's backend",
    ),
    (
        "xen:NAME,refs=REFS,size=WxH,format=XR24[,stride=N][,offset=N]",
        "a picture in pages that this domain granted to ours; REFS is a file, or references such as 8+9+20-787. "
        "Of those in a file each stands on a line, or after white space, a comma or +; # begins a comment",
    ),
    ("fd:N", "a VFIO device that the parent process left open as file N, from 3 on"),
    (
        "replay:FILE[,speed=N][,start=S]",
        "a recording that capture made, N times as fast as it was recorded (max: as fast as possible), from S seconds "
        "on. It does not change the file",
    ),
    ("sim:PROFILE[,KEY=VALUE...]", "a simulated device; PROFILE is gvt, mbochs or mdpy. Its keys:"),
)

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

_PARAGRAPH = """\
Without a TARGET the only screen of the host is meant, be it a vGPU, a VM with a D-Bus display or a Xen guest, or
sim:gvt where there is none.
A shell completes these names: see \\-\\-print\\-completion.
"""

_WINDOW_KEYS = """\
All other keys go to the guest, and so do those without Ctrl, Alt or Super (F1, F10, F11) while the VM takes input.
The menus show these keys too; Help > Keys, or keys.ini, changes them.
In brackets is what keys.ini calls the action.
"""

_FILES = (
    (
        "~/.config/mdevview/window.ini",
        "what was chosen in the windows, for each VM: how the picture is shown, bars, size and place. Plain text; what "
        "is not valid in it has its default",
    ),
    (
        "~/.config/mdevview/keys.ini",
        "keys that differ from those in WINDOW KEYS: a line ACTION=KEY; KEY for each action. Help > Keys writes it",
    ),
    (
        "~/.cache/mdevview/import-trials.json",
        "which kinds of buffers the graphics driver imports without a crash. It can be deleted",
    ),
    (
        "$XDG_RUNTIME_DIR/mdevview-*/qmp",
        "the QMP socket of a VM that run started, which ends with the VM",
    ),
    (
        "/dev/shm/mdevview-fetches-*",
        "which buffers of mbochs were fetched, as that driver corrupts memory when one is fetched twice",
    ),
    (
        "/usr/libexec/mdevview-getfd",
        "the helper that hands over the screen of another user's VM, where it is installed",
    ),
    ("/usr/share/polkit-1/actions/io.github.mdevview.getfd.policy", "who may run the helper"),
    ("/usr/libexec/mdevview-getxen", "the helper that opens the files of Xen, where it is installed"),
    ("/usr/share/polkit-1/actions/io.github.mdevview.getxen.policy", "who may run that helper"),
)

_ENVIRONMENT = (
    ("WAYLAND_DISPLAY, DISPLAY, QT_QPA_PLATFORM", "where the window opens, as with every program of Qt"),
    ("QT_SCALE_FACTOR, QT_STYLE_OVERRIDE", "how large Qt draws menus and text, and in which style"),
    ("XDG_CONFIG_HOME, XDG_CACHE_HOME", "in place of ~/.config and ~/.cache"),
    ("XDG_RUNTIME_DIR, TMPDIR", "where run makes the folder with the VM's QMP socket"),
    ("SSH_CONNECTION", "if it is set, root's permission is asked for at the terminal and not on the desktop"),
    ("COLUMNS", "the width for --help, and for list on a terminal"),
    ("LIBGL_ALWAYS_SOFTWARE", "if it is 1, Mesa draws without a GPU"),
)

_BUGS = """\
Open an issue where you got mdevview from, with the output of
.BR "mdevview doctor \\-\\-report" ,
which has no names of users, hosts or VMs. For a wrong picture add a recording,
.BR "mdevview capture TARGET \\-o FILE.mcap \\-\\-duration 5" ,
which shows what was on the screen unless
.B \\-\\-no\\-pixels
is given. If you found a security fault, say only that, and how you can be reached.
"""

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
    commands = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    for summary in commands._choices_actions:
        # The description begins with it.
        summary.help = None
    for command in commands.choices.values():
        # It is a summary of TARGETS for those who have no man page.
        command.epilog = None
        command._action_groups = [each for each in command._action_groups if each.title != ALL_COMMANDS]
    manual = Manpage(
        parser,
        format="single-commands-section",
        _data={
            "project_name": "mdevview",
            "version": __version__,
            "manual_title": "User Commands",
            "description": "show the screen of a VM whose GPU is a mediated device",
            # With the date of today the page would change each time it is made.
            "date": _release_date(),
        },
    )
    manual.add_section("targets", ">", f"{_PARAGRAPH}{_entries(_TARGETS)}\n.RS\n{_simulated_keys()}\n.RE")
    manual.add_section("window keys", ">", f"{_WINDOW_KEYS}{_entries(_window_keys())}")
    lines = examples.partition(MORE)[0].removeprefix("examples:\n").splitlines()
    manual.add_section("examples", ">", _entries(_example(each) for each in lines if each))
    manual.add_section("exit status", ">", _EXIT_STATUS)
    manual.add_section("files", ">", _entries(_FILES))
    manual.add_section("environment", ">", _entries(_ENVIRONMENT))
    manual.add_section("reporting bugs", ">", _BUGS.rstrip())
    manual.add_section("see also", ">", ".BR mdevctl (8),\n.BR virsh (1),\n.BR qemu (1)")
    text = re.sub(r"^usage: (.+?)\n\n", _unfilled, str(manual), flags=re.MULTILINE | re.DOTALL)
    return _tidy(text)


def _release_date() -> str:
    """The day of this version in the changelog. A version without one is not released."""
    changes = (Path(__file__).resolve().parents[1] / "CHANGELOG.md").read_text()
    found = re.search(rf"^## \[{re.escape(__version__)}\] - (\d{{4}}-\d\d-\d\d)", changes, re.MULTILINE)
    return found[1] if found else " "


def _example(line: str) -> tuple[str, str]:
    """A command, and what it does where the line says that."""
    command, _, meaning = line.strip().partition("  ")
    return command, meaning.strip()


def _text(text: str) -> str:
    """Plain text as troff: a "-" is the one that a user types, and no line is taken as a command of troff."""
    return re.sub(r"^(?=['.])", r"\\&", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.MULTILINE)


def _entries(entries: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f".TP\n.B {_text(name)}\n{_text(text)}".rstrip() for name, text in entries)


def _simulated_keys() -> str:
    return "\n".join(f".TP\n.B {key}=\n{_text(meaning)}" for key, meaning in _KEYS)


def _window_keys() -> Iterator[tuple[str, str]]:
    """The keys as they are without keys.ini, with what they do, in the order of the menus."""
    for action in KEYED:
        if action.shortcuts:
            yield ", ".join(action.shortcuts), f"{plain_text(action)} [{action.key}]"


def _tidy(page: str) -> str:
    """The page as mandoc and groff want it: a title on the line of its macro, no empty lines."""
    page = re.sub(r"^(\.S[HS])\n", r"\1 ", page, flags=re.MULTILINE)
    lines: list[str] = []
    unfilled = False
    for line in page.splitlines():
        unfilled = line == ".nf" or (unfilled and line != ".fi")
        # An empty line is a paragraph, which after a heading, an entry or another paragraph is none.
        if line or unfilled:
            lines.append(line)
        elif lines and not lines[-1].startswith((".SH", ".SS", ".PP", ".RS")):
            lines.append(".PP")
    text = "\n".join(lines) + "\n"
    # The titles of groups, as argparse's help has them.
    text = re.sub(r"(?<=[^:])(?=\n\.RS 7\n)", ":", text)
    # Nothing is between these paragraphs and what begins a new one.
    return re.sub(r"^\.PP\n(?=\.(?:SH|SS|TP|PP|RS|RE))", "", text, flags=re.MULTILINE)


def _unfilled(usage: re.Match[str]) -> str:
    """The usage of a command with its line breaks, which troff would remove."""
    lines = usage[1].replace("\n" + " " * len("usage: "), "\n")
    return f".nf\n{lines}\n.fi\n\n"


if __name__ == "__main__":
    sys.stdout.write(page())
