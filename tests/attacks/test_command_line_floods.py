"""Thousands of -set, -global and -readconfig, which any user's process may have, take neither time nor memory."""

import tracemalloc

import pytest

from app.qemu.command_line import parse_command_line
from tests.attacks.limits import time_limit

_SET = ["-set", "device.a.key=v,"] * 4000
_FLOODS: dict[str, list[str]] = {
    "a long option, and keys for it": ["-device", "vfio-pci,id=a," + "x=1," * 12_000, *_SET],
    "keys for the last of many options": ["-device", "vfio-pci,id=b"] * 2000 + ["-device", "vfio-pci,id=a", *_SET],
    "defaults of a driver": [word for each in range(1500) for word in ("-global", f"vfio-pci.p{each}=1")]
    + ["-device", "vfio-pci"] * 2500,
    "defaults of all drivers": [word for each in range(1500) for word in ("-global", f"device.p{each}=1")]
    + [word for each in range(2500) for word in ("-device", f"d{each}")],
    "one file again and again": ["-readconfig", "config"] * 4000,
    "one file again and again, and keys": ["-readconfig", "config"] * 2000 + _SET,
}
_CONFIG = '[device "a"]\n' * 5000
_LONGEST_S = 20
_MOST_BYTES = 64 << 20


@pytest.mark.parametrize("arguments", _FLOODS.values(), ids=_FLOODS)
def test_a_flood_takes_linear_time_and_memory(arguments: list[str]) -> None:
    """With a square of it each would take tens of seconds, or gigabytes."""
    tracemalloc.start()
    try:
        with time_limit(_LONGEST_S):
            line = parse_command_line(["qemu-system-x86_64", *arguments], {"config": _CONFIG})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _MOST_BYTES
    assert line.devices or line.reads_config


def test_what_is_not_read_counts_as_unknown() -> None:
    """The limit for all files must not look like a whole command line."""
    few = parse_command_line(["qemu", *["-readconfig", "config"] * 2], {"config": _CONFIG})
    many = parse_command_line(["qemu", *["-readconfig", "config"] * 9], {"config": _CONFIG})
    assert (few.reads_config, many.reads_config) == (False, True)
    assert len(few.options) == 2 + 2 * 5000 < len(many.options)
