"""Loads a driver that looks like another vendor's (tests.lab.lookalikes)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.noted import REPORT


@contextmanager
def loaded(name: str) -> Iterator[None]:
    """While the driver is loaded, its parent can create mdevs. All must be removed at the end."""
    subprocess.run(["insmod", REPORT / f"lookalikes/{name}.ko"], check=True)
    try:
        yield
    finally:
        subprocess.run(["rmmod", name], check=True)
