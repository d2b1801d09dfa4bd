"""What the installed QEMU knows of input."""

import json
import subprocess

import pytest

from tests import gate


@pytest.fixture(scope="module")
def enums() -> list[set[str]]:
    """Every enum of the installed QEMU's QMP schema."""
    gate.need_programs("qemu-system-x86_64")
    command = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as qemu:
        assert qemu.stdin is not None and qemu.stdout is not None
        try:
            qemu.stdin.write('{"execute": "qmp_capabilities"}\n{"execute": "query-qmp-schema"}\n')
            qemu.stdin.flush()
            # The greeting, and an answer each. Told to quit before, QEMU may drop the end of what fills the pipe.
            replies = [json.loads(qemu.stdout.readline()) for _ in range(3)]
        finally:
            qemu.kill()
    return [set(each["values"]) for each in replies[-1]["return"] if each["meta-type"] == "enum"]
