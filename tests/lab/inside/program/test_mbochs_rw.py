"""mbochs_rw: guest pixels through a dma-buf and an EGLImage; the device is passed as a fd."""

import json
import mmap
import os
import time
from pathlib import Path

import numpy as np
import pytest

from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.pictures import colours, framed_card, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.look import look
from tests.lab.inside.rawvfio import ENABLE, Y_OFFSET, Mbochs, random_picture

pytestmark = pytest.mark.usefixtures("no_mbochs")


def test_screenshot_is_the_framebuffer_pixel_for_pixel(create: Create, pictures: Path, fact: Fact) -> None:
    picture, file = framed_card(1024, 768), pictures / "screenshot-mbochs_rw.png"
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(1024, 768)
        device.draw(picture)
        done = command.run("screenshot", f"fd:{device.fd}", "-o", str(file), fds=(device.fd,))
    assert (done.status, done.out, done.err) == (0, "", "")
    np.testing.assert_array_equal(read_png(file), colours(picture))
    fact("mbochs_rw: screenshot of 1024x768, start to end", f"{done.seconds:.1f} s")


def test_inspect_tells_the_plane_and_its_egl_image(create: Create, fact: Fact) -> None:
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(640, 480, virt_width=1024)
        target = f"fd:{os.dup(device.fd)}"
        told = command.run_here("inspect", "--json", target).json()
    assert (told["version"], told["target"], told["state"], told["reason"]) == (1, target, "showing", "ok")
    plane = told["planes"]["primary"]
    assert plane["buffer"].pop("inode") > 0
    assert {key: plane[key] for key in ("fourcc", "modifier", "width", "height", "stride", "size")} == {
        "fourcc": "XR24",
        "modifier": 0,
        "width": 640,
        "height": 480,
        "stride": 4096,
        "size": 4096 * 480,
    }
    assert (plane["backing"], plane["path"], plane["region_index"]) == ("dmabuf", "egl-image", None)
    assert plane["buffer"] == {"size": 4096 * 480, "exporter": "mbochs_rw"}
    assert plane["import_errors"] == []
    assert told["planes"]["cursor"] is None
    assert told["display"] == {"dmabuf": True, "region": False}
    assert told["device"]["edid"]["region_index"] == 9
    fact("renderer in the guest", "{name}, {version}".format(**told["renderer"]))


def test_a_change_shows_in_the_next_picture_without_another_fetch(create: Create, fact: Fact) -> None:
    took = []
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(640, 480)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            for seed in range(3):
                picture = random_picture(640, 480, seed)
                device.draw(picture)
                asked = time.monotonic()
                shown = seen.picture()
                took.append(f"{(time.monotonic() - asked) * 1000:.0f} ms")
                np.testing.assert_array_equal(shown, colours(picture))
            assert seen.device.fetched == 1
    fact("mbochs_rw: poll to 640x480 pixels read back, the first with its import", took)


def test_mode_switches_are_followed(create: Create) -> None:
    sizes = [(640, 480), (1280, 1024), (64, 64), (1920, 1080), (640, 480)]
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(*sizes[0])
        with look(f"fd:{os.dup(device.fd)}") as seen:
            for seed, size in enumerate(sizes):
                picture = random_picture(*size, seed)
                device.draw(picture)
                device.set_mode(*size)
                np.testing.assert_array_equal(seen.picture(), colours(picture))
            assert seen.device.fetched == len(set(sizes)), "each mode has a buffer that is fetched once"


def test_display_switched_off_and_on_again(create: Create) -> None:
    picture = random_picture(640, 480)
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.set_mode(640, 480)
        device.draw(picture)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            np.testing.assert_array_equal(seen.picture(), colours(picture))
            device.set_register(ENABLE, 0)
            told = seen.told()
            assert (told["state"], told["reason"], told["planes"]["primary"]) == ("no-signal", "plane-off", None)
            device.set_mode(640, 480)
            np.testing.assert_array_equal(seen.picture(), colours(picture))


def test_buffer_that_ends_within_a_page_is_saved_whole(create: Create, tmp_path: Path) -> None:
    """Its last part cannot be mapped, so a software renderer cannot import it: all of it is read from BAR 0."""
    picture = random_picture(1366, 768)
    assert picture.nbytes % mmap.PAGESIZE
    file, raw = tmp_path / "shot.png", tmp_path / "shot.raw"
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(1366, 768)
        device.draw(picture)
        done = command.run_here("screenshot", f"fd:{os.dup(device.fd)}", "-o", str(file), "--json")
        assert done.status == 0, done.err
        np.testing.assert_array_equal(read_png(file), colours(picture))
        (line,) = done.err.splitlines()
        assert "primary plane: degraded: import-failed" in line, line
        assert json.loads(done.out)["state"] == "degraded"
        done = command.run_here("screenshot", f"fd:{os.dup(device.fd)}", "--raw", "-o", str(raw))
        assert (done.status, done.err) == (0, "")
        assert raw.read_bytes() == picture.tobytes()


def test_buffers_that_end_within_a_page_are_shown_whole(create: Create, fact: Fact) -> None:
    """Live, and at another place of the memory: a number of rows that is also one of whole pages."""
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(640, 480)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            for size, panned in (((800, 600), 32), ((1366, 768), 512), ((1021, 767), 1024)):
                device.set_mode(*size)
                for seed, y in ((0, 0), (1, panned), (2, 0)):
                    picture = random_picture(*size, seed)
                    assert picture.nbytes % mmap.PAGESIZE
                    device.draw(picture, y=y)
                    device.set_register(Y_OFFSET, y)
                    np.testing.assert_array_equal(seen.picture(), colours(picture), f"{size}, rows {y} and on")
                told = seen.told()
                assert told["state"] == "degraded"
                assert "black" not in told["detail"], told["detail"]
                fact("mbochs_rw {}x{}".format(*size), "{state}: {reason}, {detail}".format(**told))
                # The next mode is shown correctly.
                device.set_mode(640, 480)
                picture = random_picture(640, 480)
                device.draw(picture)
                np.testing.assert_array_equal(seen.picture(), colours(picture))
                assert seen.told()["state"] == "showing"


def test_panning_shows_the_right_part(create: Create) -> None:
    """Down by the height of the screen, and right by a page of a line twice as long."""
    first, second = (random_picture(1024, 768, seed) for seed in (1, 2))
    with Mbochs.open(create("mbochs_rw", "medium")) as device:
        device.set_mode(1024, 768)
        device.draw(first)
        device.draw(second, y=768)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            for y, picture in ((0, first), (768, second), (0, first)):
                device.set_mode(1024, 768, y=y)
                np.testing.assert_array_equal(seen.picture(), colours(picture))
            both = np.hstack([first, second])
            device.draw(both, virt_width=2048)
            for x, picture in ((0, first), (1024, second)):
                device.set_mode(1024, 768, virt_width=2048, x=x)
                np.testing.assert_array_equal(seen.picture(), colours(picture))
            assert seen.told()["planes"]["primary"]["stride"] == 8192


def test_pan_that_the_driver_cannot_export_is_said_and_passes(create: Create) -> None:
    picture = random_picture(640, 480)
    with Mbochs.open(create("mbochs_rw", "small")) as device:
        device.draw(picture)
        device.set_mode(640, 480, x=1)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            told = seen.told()
            assert (told["state"], told["reason"]) == ("error", "fetch-failed")
            assert "EINVAL" in told["detail"] and "Invalid argument" not in told["detail"]
            assert "cannot export this framebuffer. It may pass when the guest sets its mode" in told["hint"]
            assert told["planes"]["primary"]["width"] == 640
            fetched = seen.device.fetched
            for _ in range(20):
                seen.poller.latest()
            assert seen.device.fetched <= fetched + 2, "a refused fetch is asked again without a pause"
            device.set_mode(640, 480)
            np.testing.assert_array_equal(seen.picture(), colours(picture))
