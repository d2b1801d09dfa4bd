"""``mdevview screenshot`` of simulated devices: the file has the guest's picture, by every path."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

from app.abi.drm_fourcc import fourcc_code
from app.planes.frame import Frame, RejectedPlane
from app.planes.plane import PlaneKind
from app.planes.status import Reason, Status
from app.sim.profile import open_simulated
from gl.capture import CaptureKind
from gl.context import Context
from gl.draw_options import DrawOptions
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.renderer import Renderer
from gl.textures import UploadTexture
from tests.gl.surfaces import plane_of, rounds_to_nearest
from ui.cli.main import main
from ui.cli.screenshot import _capture

pytestmark = pytest.mark.usefixtures("own_context")

FORMATS = ("XR24", "AR24", "XB24", "AB24", "XR30", "XB30", "RG16", "C8", "YUYV", "UYVY", "YVYU", "VYUY")
YUV = FORMATS[-4:]
MODIFIERS = ("LINEAR", "X", "Y", "Yf")
SIZES = ("64x64", "333x77", "641x480", "1366x768", "2560x1440", "7680x4320")

Rgba = NDArray[np.uint8]


def guest_picture(spec: str) -> Rgba:
    """The composite of the simulated guest, which fps=0 keeps as it is."""
    device = open_simulated(spec)
    try:
        picture = device.picture()
        assert picture is not None
        return picture
    finally:
        device.close()


def screenshot(spec: str, directory: Path, *options: str) -> Rgba:
    """The picture that the command saves."""
    path = directory / "shot.png"
    assert main(["screenshot", f"sim:{spec}", "-o", str(path), *options]) == 0
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    return np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8).reshape(image.height(), image.width(), 4)


def assert_same(spec: str, directory: Path, *, exact: bool = True) -> None:
    """Equal, except for one step of rounding in packed YUV, under the cursor's shadow, and if it is not ``exact``."""
    expected, actual = guest_picture(spec), screenshot(spec, directory)
    assert actual.shape == expected.shape
    wrong = np.abs(actual.astype(np.int16) - expected).max(axis=2)
    assert wrong.max() <= 1, f"{spec}: {(wrong > 1).sum()} pixels differ"
    if exact and wrong.any() and not any(each in spec for each in YUV):
        under_cursor = (guest_picture(f"{spec},cursor=off") != expected).any(axis=2)
        assert not wrong[~under_cursor].any(), f"{spec}: {wrong[~under_cursor].sum()} pixels differ"


@pytest.mark.parametrize("fourcc", FORMATS)
@pytest.mark.parametrize("modifier", MODIFIERS)
def test_every_format_in_every_tiling(gl_context: Context, fourcc: str, modifier: str, tmp_path: Path) -> None:
    exact = rounds_to_nearest(gl_context, fourcc_code(f"{fourcc:<4}"))
    assert_same(f"gvt,format={fourcc},modifier={modifier},size=161x99,fps=0", tmp_path, exact=exact)


@pytest.mark.parametrize("size", SIZES)
def test_every_size(size: str, tmp_path: Path) -> None:
    assert_same(f"gvt,size={size},fps=0", tmp_path)


@pytest.mark.parametrize("size", ["1921x1081", "7680x4320"])
def test_large_tiled_planes(size: str, tmp_path: Path) -> None:
    assert_same(f"gvt,modifier=Y,size={size},fps=0", tmp_path)


@pytest.mark.parametrize(
    ("fourcc", "stride"), [("XR24", 647), ("XR24", 646), ("XR24", 4096), ("RG16", 323), ("C8", 163), ("YUYV", 327)]
)
def test_odd_strides(gl_context: Context, fourcc: str, stride: int, tmp_path: Path) -> None:
    """Among them strides that are no multiple of a pixel: no OpenGL upload can express them."""
    exact = rounds_to_nearest(gl_context, fourcc_code(f"{fourcc:<4}"))
    assert_same(f"gvt,format={fourcc},size=161x99,stride={stride},fps=0", tmp_path, exact=exact)


@pytest.mark.parametrize("profile", ["mbochs", "mdpy"])
def test_the_other_drivers(profile: str, tmp_path: Path) -> None:
    assert_same(f"{profile},size=801x600,fps=0", tmp_path)


def test_the_cursor_plane_alone_keeps_its_transparency(tmp_path: Path) -> None:
    cursor = screenshot("gvt,fps=0", tmp_path, "--plane", "cursor")
    assert cursor.shape == (64, 64, 4)
    assert set(np.unique(cursor[..., 3])) > {0, 255}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gvt,fault=cursor-einval", ("query-rejected", "EINVAL: Invalid argument")),
        ("gvt,fault=cursor-refused", ("fetch-failed", "the driver answers EINVAL")),
        ("gvt,cursor=off", ("cursor-off", "hides its cursor")),
        ("mbochs", ("cursor-off", "hides its cursor")),
        ("mdpy", ("no-cursor-plane", "no cursor plane")),
    ],
)
@pytest.mark.parametrize("options", [(), ("--raw",)])
def test_a_cursor_that_cannot_be_saved_says_why(
    spec: str, words: tuple[str, ...], options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile, comma, rest = spec.partition(",")
    target = f"sim:{profile},size=64x64{comma}{rest}"
    arguments = ["--plane", "cursor", "--timeout", "0.1", *options]
    assert main(["screenshot", target, "-o", str(tmp_path / "shot"), *arguments]) == 5
    message = capsys.readouterr().err
    assert all(each in message for each in words), message
    assert "display is off" not in message


def failing_send(failures: int) -> Callable[..., None]:
    """An UploadTexture.send that fails so many times before it succeeds."""
    left, send = itertools.count(failures, -1), UploadTexture.send

    def fail_or_send(texture: UploadTexture, rows: NDArray[np.uint8], x: int = 0, y: int = 0) -> None:
        if next(left) > 0:
            raise GlError("uploading", (GL_OUT_OF_MEMORY,))
        send(texture, rows, x, y)

    return fail_or_send


def test_an_upload_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UploadTexture, "send", failing_send(2))
    assert_same("mdpy,size=320x200,fps=0", tmp_path)


def test_an_upload_that_never_succeeds_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(UploadTexture, "send", failing_send(1000))
    arguments = ["screenshot", "sim:mdpy,size=320x200", "-o", str(tmp_path / "shot.png"), "--timeout", "0.5"]
    assert main(arguments) == 5
    message = capsys.readouterr().err
    assert "upload-failed" in message and "GL_OUT_OF_MEMORY" in message


def test_an_error_of_opengl_is_no_missing_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise GlError("drawing for a capture", (GL_OUT_OF_MEMORY,))

    monkeypatch.setattr("gl.renderer.capture_images", fail)
    assert main(["screenshot", "sim:gvt,size=320x200", "-o", str(tmp_path / "shot.png")]) == 1
    assert "drawing for a capture: GL_OUT_OF_MEMORY" in capsys.readouterr().err


def test_a_rejected_cursor_has_its_own_reason(renderer: Renderer) -> None:
    """Whatever is wrong with the primary plane."""
    cursor = plane_of(0, 8, 8, 32, kind=PlaneKind.CURSOR)
    rejected = RejectedPlane(cursor, None, Status(Reason.UNKNOWN_FORMAT))
    for frame in (
        Frame(Status(Reason.OK), rejected=(rejected,)),
        Frame(Status(Reason.BUFFER_TRUNCATED), rejected=(rejected,)),
    ):
        assert _capture(renderer, frame, CaptureKind.CURSOR, DrawOptions(), []) == rejected.status


@pytest.mark.usefixtures("importing_context")
def test_what_is_not_just_shown_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plane that was copied, and nothing for one that was imported: on standard error, and in the document."""
    path = str(tmp_path / "shot.png")
    assert main(["screenshot", "sim:gvt,modifier=X,size=64x64,fps=0", "-o", path, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("mdevview: sim:gvt,modifier=X,size=64x64,fps=0, primary plane: degraded: modifier-not-imp")
    assert "; This GPU does not import the plane's tiling" in err and "--gpu" in err, "what to do is said too"
    document = json.loads(out)
    assert (document["version"], document["state"], document["reason"]) == (1, "degraded", "modifier-not-importable")
    assert (document["plane"], document["output"]) == ("composite", path)
    assert {name: each["state"] for name, each in document["planes"].items()} == {
        "primary": "degraded",
        "cursor": "showing",
    }
    assert main(["screenshot", "sim:gvt,size=64x64,fps=0", "-o", path]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["screenshot", "sim:gvt,modifier=X,size=64x64,fps=0", "-o", path, "--json", "--plane", "cursor"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert (json.loads(out)["state"], set(json.loads(out)["planes"])) == ("showing", {"cursor"})
    assert main(["screenshot", "sim:mdpy", "--raw", "-o", path, "--json"]) == 2
