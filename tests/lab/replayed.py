"""Replays, outside the lab, the capture that was made in it: the picture and the inspect document must be the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CAPTURE = "seabios.mcap"
INSPECTED = "seabios-inspect.json"
PICTURE = "seabios.png"
_PATIENCE_S = 120
# What belongs to the process that looks, or to the moment, and not to the device.
_OF_THE_LOOK = ("target", "renderer", "findings", "buffers")


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """The parts of an inspect document that a replay must repeat. Each fetch makes a dma-buf with another inode."""
    parts = {key: value for key, value in document.items() if key not in _OF_THE_LOOK}
    for name, plane in document["planes"].items():
        if plane is not None:
            buffer = {key: value for key, value in plane["buffer"].items() if key != "inode"}
            parts["planes"] = parts["planes"] | {name: plane | {"buffer": buffer}}
    return parts


def trouble(folder: Path) -> str | None:
    """What is wrong with the replay of the capture in ``folder``; None if it is right, or if there is no capture."""
    capture = folder / CAPTURE
    if not (folder / INSPECTED).is_file():
        return None
    outside = folder / "outside.png"
    for arguments in (("screenshot", f"replay:{capture}", "-o", str(outside)),):
        done = _run(*arguments)
        if done.returncode:
            return f"{arguments[0]} of the lab's capture: {done.stderr.strip()}"
    if outside.read_bytes() != (folder / PICTURE).read_bytes():
        return f"the replay of {capture} outside the lab has another picture: {outside}"
    done = _run("inspect", "--json", f"replay:{capture}")
    if done.returncode:
        return f"inspect of the lab's capture: {done.stderr.strip()}"
    seen, expected = (comparable(json.loads(text)) for text in (done.stdout, (folder / INSPECTED).read_text()))
    differing = [key for key in expected if seen.get(key) != expected[key]]
    return f"the replay of {capture} outside the lab differs in {', '.join(differing)}" if differing else None


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mdevview", *arguments], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
