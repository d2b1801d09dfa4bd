"""Screenshots of a headless session."""

import subprocess
from pathlib import Path

from tests.lab.inside.pictures import Colours, read_png
from tests.lab.inside.program.command import PATIENCE_S
from tests.window.displays import Display


def save_screen(session: Display, file: Path) -> Colours:
    """Save the whole screen to a file. Returns its colours."""
    folder = file.parent / "screen"
    folder.mkdir(exist_ok=True)
    subprocess.run(["weston-screenshooter"], env=session.env, cwd=folder, check=True, timeout=PATIENCE_S)
    (taken,) = folder.glob("*.png")
    taken.replace(file)
    folder.rmdir()
    return read_png(file)
