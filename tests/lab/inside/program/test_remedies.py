"""Every command that a message proposes (tests/proposed_commands.py) is run once, on the real kernel."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.diagnosis.host.user_findings import user_findings
from app.host.user_rights import UserRights
from tests.gate import need_programs
from tests.lab.inside.conftest import Fact
from tests.proposed_commands import COMMANDS, Command

_PATIENCE_S = 120.0
# The files of the first process: its /etc is that of udev, and can be written.
_BASH = ("nsenter", "--target=1", "--mount", "--root", "--wd=/", "bash", "-c")
_OWN_ETC = """
unshare --mount bash -c '
mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work &&
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc || exit 99
eval "$SCRIPT"'
"""


def _rules_remedy() -> str:
    """The whole remedy for a host without a udev rule, as doctor prints it."""
    rights = UserRights(name="someone", uid=1000, groups=frozenset(), listed_groups=frozenset(), locked_memory=None)
    (remedy,) = [each.remedy for each in user_findings(rights, ()) if each.key == "udev-rule"]
    return remedy


def _trouble(command: Command) -> str | None:
    """Why the script of the command failed; None if it did not."""
    script = command.script.replace("REMEDY", _rules_remedy())
    done = subprocess.run(
        [*_BASH, _OWN_ETC if command.own_etc else script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
        env=os.environ | {"SCRIPT": script, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    return None if done.returncode == 0 else f"{script!r} ended with {done.returncode}: {done.stdout.strip()}"


@pytest.fixture
def settings() -> Iterator[None]:
    """Puts back what the commands set for all tests after this one."""
    files = [Path("/proc/sys/kernel") / each for each in ("dmesg_restrict", "yama/ptrace_scope")]
    before = [each.read_text() for each in files]
    yield
    for file, text in zip(files, before, strict=True):
        file.write_text(text)


@pytest.mark.usefixtures("settings")
def test_commands_of_all_remedies_do_what_they_promise(fact: Fact) -> None:
    need_programs("sudo", "mdevctl", "virsh", "udevadm", "usermod", "journalctl", "nsenter")
    troubles = []
    for command in COMMANDS:
        if command.script:
            started = time.monotonic()
            trouble = _trouble(command)
            fact(f"remedy: {command.text}", f"{time.monotonic() - started:.1f} s{f', {trouble}' if trouble else ''}")
            troubles += [trouble] if trouble else []
    assert troubles == []
