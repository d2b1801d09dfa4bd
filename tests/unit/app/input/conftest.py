"""What the installed QEMU knows of input."""

import json
import subprocess

import pytest

from tests import gate


@pytest.fixture(scope="module")
def enums() -> list[set[str]]:
    """Every enum of the installed QEMU's QMP schema."""
    gate.need_programs("qemu-system-x86_64")
    commands = ("qmp_capabilities", "query-qmp-schema", "quit")
    done = subprocess.run(
        ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"],
        input="".join(json.dumps({"execute": each}) + "\n" for each in commands),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    replies = [json.loads(line).get("return") for line in done.stdout.splitlines()]
    (schema,) = (each for each in replies if isinstance(each, list))
    return [set(each["values"]) for each in schema if each["meta-type"] == "enum"]
