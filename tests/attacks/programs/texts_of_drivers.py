"""Runs commands on hosts whose drivers put hostile texts into sysfs. Prints a JSON document.

It has the kind of texts, the arguments, the exit status, the output and the errors of each command.
"""

import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from app.host.paths import HOST
from tests.unit.hosts import UUID_A, Host
from ui.cli.main import main

_GPU, _UUID_B = "0000:41:00.0", "00000000-0000-4000-8000-00000000000b"
_COMMANDS = (
    ["list"],
    ["list", "--json"],
    ["list", "--targets"],
    ["doctor"],
)
TEXTS = {
    "harmful": "\x1b[2J\x1b]0;root\x07\r\u202e01\u2066\u200b\u061c\u3164\x85\x9b",
    "long": "a" * 200_000,
    "number": "9" * 60_000,
    "other digits": "\u0663\u00b2\u2460",
    "lines": "\n" * 60_000,
    "NUL": "\0" * 60_000,
}


def lay_out(host: Host, text: str) -> None:
    """Each file that a driver writes has this text, alone or in the place of a part that people read."""
    mdev = host.mdev(UUID_A, "mbochs-small", 1)
    folder = (mdev / "mdev_type").resolve()
    for name in ("name", "description", "available_instances", "device_api"):
        (folder / name).write_text(text)
    (host.mdev(_UUID_B, "i915-GVTg_V5_4", 2) / "intel_vgpu").mkdir()
    (mdev.parent / _UUID_B / "intel_vgpu/vgpu_id").write_text(text)
    host.gpu(_GPU, 0x10DE, 0x26B9, "nvidia", sriov_totalvfs=text, sriov_numvfs=text)
    shown = host.nvidia_function("0000:41:00.4", _GPU, 3, 1152)
    (shown / "nvidia/creatable_vgpu_types").write_text(f"ID : vGPU Name\n1152 : {text}\n{text} : {text}\n: {text}")
    empty = host.nvidia_function("0000:41:00.5", _GPU, 4, 0)
    (empty / "nvidia/creatable_vgpu_types").write_text(text)
    broken = host.nvidia_function("0000:41:00.6", _GPU, 5, 0)
    (broken / "nvidia/current_vgpu_type").write_text(text)
    (host.paths.proc / "cmdline").write_text(text)
    silent = host.nvidia_function("0000:41:00.7", _GPU, 6, 0) / "nvidia/current_vgpu_type"
    silent.unlink()
    # A read of it fails.
    silent.mkdir()


def run(arguments: list[str]) -> list[object]:
    """The arguments, the exit status, the output and the errors of a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status: object = main(arguments)
        except SystemExit as end:
            status = end.code
    return [arguments, status, out.getvalue(), err.getvalue()]


def run_all(kind: str) -> list[list[object]]:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        lay_out(host, TEXTS[kind])
        for each in ("sys", "dev", "proc", "modules"):
            # Every function has this object as its default.
            object.__setattr__(HOST, each, getattr(host.paths, each))
        return [[kind, *run(each)] for each in _COMMANDS]


if __name__ == "__main__":
    # What takes time and reads no text of a driver.
    with (
        patch("ui.cli.doctor.start_display_checks", lambda *_: None),
        patch("ui.cli.doctor._QT_COMMAND", ("true",)),
        patch("app.diagnosis.host.kernel_findings.read_kernel_log", lambda *_: []),
    ):
        print(json.dumps([each for kind in TEXTS for each in run_all(kind)]))
