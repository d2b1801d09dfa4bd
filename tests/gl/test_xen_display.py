"""The PV display of a Xen guest in the commands without a window, which have no code for it."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.xen.display.display_source import VdisplSource
from tests.pushed.source import HEIGHT, WIDTH, expected_picture
from tests.window.displays import load_png
from tests.xen.machine import FakeXen, fake_xen, opened_everywhere
from tests.xen.nodes import DisplayConfig
from tests.xen.pages import new_memory
from tests.xen.program import showing
from ui.cli.main import main

_SIZE = WIDTH, HEIGHT


def _still(_number: int) -> bytes:
    return _changing(0)


def _changing(number: int) -> bytes:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., :3] = expected_picture(number, cursor=False)[..., ::-1]
    return pixels.tobytes()


@pytest.fixture
def xen(monkeypatch: pytest.MonkeyPatch, own_context: None) -> Iterator[FakeXen]:
    """A host whose dma-bufs are memfds."""
    defaults = VdisplSource.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "new_dmabuf", new_memory)
    with fake_xen() as xen, opened_everywhere(xen):
        yield xen


@pytest.mark.parametrize("be_alloc", [False, True])
def test_screenshot_is_the_guests_picture(xen: FakeXen, tmp_path: Path, *, be_alloc: bool) -> None:
    guest = xen.create("demo", [DisplayConfig((("id0", *_SIZE),), be_alloc)])
    file = tmp_path / "shot.png"
    with showing(guest.display, _SIZE, _still):
        assert main(["screenshot", "xen:demo", "-o", str(file), "--timeout", "20"]) == 0
    assert np.array_equal(load_png(file), expected_picture(0, cursor=False))


@pytest.mark.parametrize("export_error", [0, errno.EINVAL, errno.ENOTTY])
def test_pages_by_their_references_are_exported_or_mapped(
    xen: FakeXen, tmp_path: Path, capsys: pytest.CaptureFixture[str], export_error: int
) -> None:
    xen.export_error = export_error
    guest, picture = xen.create("demo"), _still(0)
    memory = guest.domain.share(len(picture))
    memory.data[: len(picture)] = picture
    refs, file = tmp_path / "refs", tmp_path / "shot.png"
    refs.write_text("\n".join(map(str, memory.refs)))
    target = f"xen:demo,refs={refs},size={WIDTH}x{HEIGHT},format=XR24"
    assert main(["screenshot", target, "-o", str(file)]) == 0, capsys.readouterr().err
    assert np.array_equal(load_png(file), expected_picture(0, cursor=False))
    assert main(["inspect", target, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    primary = document["planes"]["primary"]
    tried = [each["rung"] for each in primary["import_errors"]]
    if export_error:
        assert (primary["path"], tried, document["state"]) == ("copy", ["export"], "showing")
    else:
        # A GPU imports no memfd, which stands for the dma-buf here.
        imported = primary["reason"] != "no-dma-buf"
        assert (primary["path"], tried) == (("egl-image", []) if imported else ("copy", ["explicit-modifier"]))
    assert main(["inspect", target]) == 0
    assert ("primary: export failed: EXP_FROM_REFS: " in capsys.readouterr().out) is bool(export_error)


def test_inspect_says_how_the_picture_comes(xen: FakeXen, capsys: pytest.CaptureFixture[str]) -> None:
    guest = xen.create("demo", [DisplayConfig((("id0", *_SIZE),))])
    with showing(guest.display, _SIZE, _changing):
        assert main(["inspect", f"xen:{guest.domid}", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["reason"]) == ("showing", "ok")
    primary = document["planes"]["primary"]
    assert (primary["backing"], primary["path"]) == ("memory", "copy")


def test_measured_flips_are_told_to_the_guest(xen: FakeXen, tmp_path: Path) -> None:
    guest = xen.create("demo", [DisplayConfig((("id0", *_SIZE),))])
    file = tmp_path / "run.json"
    with showing(guest.display, _SIZE, _changing) as done:
        assert main(["measure", "xen:demo", "--duration", "0.5", "--json", str(file)]) == 0
    document = json.loads(file.read_text())
    assert (document["meta"]["scanout"], document["meta"]["guest_waits"]) == ("pages", True)
    assert 0 < document["flips_seen"] <= len(done)


def test_a_recording_of_it_is_shown_again(xen: FakeXen, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guest = xen.create("demo", [DisplayConfig((("id0", *_SIZE),))])
    recording, file = tmp_path / "guest.mdr", tmp_path / "shot.png"
    with showing(guest.display, _SIZE, _still):
        assert main(["capture", "xen:demo", "-o", str(recording), "--duration", "2"]) == 0
    assert main(["screenshot", f"replay:{recording}", "-o", str(file), "--timeout", "20"]) == 0
    assert np.array_equal(load_png(file), expected_picture(0, cursor=False))
    capsys.readouterr()
    assert main(["inspect", f"replay:{recording}", "--json"]) == 0
    device = json.loads(capsys.readouterr().out)["device"]
    assert (device["type"], device["cursor_plane"]) == ("xen-vdispl", False)
