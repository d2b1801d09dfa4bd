"""Screenshots of a real QEMU's D-Bus display, without a guest, equal what QEMU shows in each pixel."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.qemu.machine import Colours, QemuMachine
from tests.qemu.virtio_gpu import B8G8R8A8, VirtioGpu, colours, fill
from tests.window.displays import load_png
from ui.cli.main import main

_POINTER = 64


def test_screenshot_is_what_qemu_shows_and_the_pointer_over_it(own_context: None, tmp_path: Path) -> None:
    x, y, file = 600, 470, tmp_path / "shot.png"
    with QemuMachine(tmp_path, ["virtio-gpu-pci,addr=2"], name="painted", qtest=True) as machine:
        with VirtioGpu(machine) as gpu:
            picture = gpu.resource(640, 480)
            fill(picture, 1)
            gpu.show(picture)
            pointer = gpu.resource(_POINTER, _POINTER, B8G8R8A8)
            pointer.pixels[:] = np.random.default_rng(2).integers(0, 1 << 32, pointer.pixels.shape, dtype=np.uint32)
            gpu.define_cursor(pointer, x, y)
            shown, over = colours(picture), pointer.pixels.copy().view(np.uint8).reshape(_POINTER, _POINTER, 4)

        assert np.array_equal(machine.screendump(), shown)
        target = f"pid:{machine.pid}"
        assert main(["screenshot", target, "--plane", "primary", "-o", str(file)]) == 0
        assert np.array_equal(load_png(file), shown)

        assert main(["screenshot", target, "-o", str(file)]) == 0
        seen = load_png(file)
        blended = _blended(shown[y:, x:], over[: 480 - y, : 640 - x])
        # A GPU rounds in its own way.
        assert np.abs(seen[y:, x:].astype(int) - blended).max() <= 1
        seen[y:, x:] = shown[y:, x:]
        assert np.array_equal(seen, shown), "nothing else is drawn over"


def _blended(below: Colours, bgra: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Straight alpha: the colours of the pointer are not multiplied by its alpha (CursorDefine)."""
    alpha = bgra[..., 3:] / 255
    blended: NDArray[np.float64] = bgra[..., 2::-1] * alpha + below * (1 - alpha)
    return blended
