"""mdpy: guest pixels through a region of the device."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.pictures import colours, framed_card, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.look import look
from tests.lab.inside.rawvfio import MDPY_REGION, Mdpy, Picture, random_picture
from tests.lab.inside.test_mdpy import SIZES


def _draw(name: str, picture: Picture) -> None:
    """Draw a picture. The memory of mdpy stays when the device is closed."""
    with Mdpy.open(name) as device:
        device.draw(picture)


def test_screenshot_is_the_framebuffer_pixel_for_pixel(create: Create, pictures: Path, fact: Fact) -> None:
    name, picture, file = create("mdpy", "xga"), framed_card(1024, 768), pictures / "screenshot-mdpy.png"
    _draw(name, picture)
    done = command.run("screenshot", name, "-o", str(file))
    assert (done.status, done.out, done.err) == (0, "", "")
    np.testing.assert_array_equal(read_png(file), colours(picture))
    fact("mdpy-xga: screenshot of 1024x768, start to end", f"{done.seconds:.1f} s")


@pytest.mark.parametrize("kind", SIZES)
def test_picture_of_each_type_comes_out(create: Create, kind: str) -> None:
    name, picture = create("mdpy", kind), random_picture(*SIZES[kind])
    _draw(name, picture)
    with look(name) as seen:
        np.testing.assert_array_equal(seen.picture(), colours(picture))


def test_inspect_tells_the_region(create: Create) -> None:
    name = create("mdpy", "xga")
    told = command.run_here("inspect", "--json", name).json()
    assert (told["target"], told["state"], told["reason"]) == (name, "showing", "ok")
    assert told["display"] == {"dmabuf": False, "region": True}
    assert "region-only" in {each["key"] for each in told["findings"]}
    plane = told["planes"]["primary"]
    assert (plane["backing"], plane["path"], plane["region_index"], plane["dmabuf_id"]) == (
        "region",
        "region",
        MDPY_REGION,
        None,
    )
    assert (plane["fourcc"], plane["width"], plane["height"], plane["stride"]) == ("XR24", 1024, 768, 4096)
    assert told["planes"]["cursor"] is None, "the primary plane, which mdpy answers with, is no cursor"
    assert (told["device"]["type"], told["device"]["driver"], told["device"]["module"]) == ("mdpy-xga", "mdpy", "mdpy")


def test_a_change_shows_in_the_next_picture(create: Create) -> None:
    with Mdpy.open(create("mdpy", "vga")) as device, look(f"fd:{os.dup(device.fd)}") as seen:
        for seed in range(3):
            picture = random_picture(640, 480, seed)
            device.draw(picture)
            np.testing.assert_array_equal(seen.picture(), colours(picture))
