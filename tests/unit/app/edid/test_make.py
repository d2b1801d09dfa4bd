"""EDIDs that are made: what they say is what was asked for, and edid-decode finds nothing wrong with them."""

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.edid.detailed import MAX_ACTIVE, MAX_CLOCK_KHZ, decode_detailed
from app.edid.make import make_edid, timing_for
from app.edid.mode import BLOCK, MAX_EDGE, MAX_HZ, MIN_EDGE, MIN_HZ, Limits, Mode, parse_mode
from app.edid.parse import parse_edid
from tests.unit.app.edid.modes import TOLERANCE_HZ, edges, modes, preferred

small_modes = st.builds(Mode, st.integers(MIN_EDGE, 2048), st.integers(MIN_EDGE, 1600), st.floats(MIN_HZ, 120))

ONE_BLOCK = Limits(max_size=BLOCK)


@given(modes)
@example(Mode(MAX_EDGE, MAX_EDGE, MAX_HZ))
@example(Mode(MIN_EDGE, MIN_EDGE, MIN_HZ))
@example(Mode(MAX_EDGE, MIN_EDGE, MIN_HZ))
def test_the_preferred_mode_is_the_one_asked_for(mode: Mode) -> None:
    edid = make_edid(mode)
    got = preferred(edid)
    assert (got.width, got.height) == (mode.width, mode.height)
    assert abs(got.refresh_hz - mode.refresh_hz) <= TOLERANCE_HZ
    # What is announced before it is made is what is in it.
    assert got == timing_for(mode).mode


@pytest.mark.parametrize(
    ("text", "error_hz"), [("1920x1080", 0.003), ("3840x2160", 0.001), ("1366x768@75", 0.01), ("1280x800@59.94", 0.01)]
)
def test_the_refresh_rate_of_real_screens_is_right(text: str, error_hz: float) -> None:
    mode = parse_mode(text)
    assert abs(preferred(make_edid(mode)).refresh_hz - mode.refresh_hz) < error_hz


@given(modes, st.sampled_from([128, 255, 256, 1024]), edges, edges)
def test_limits_of_the_device_hold_or_are_named(mode: Mode, max_size: int, max_width: int, max_height: int) -> None:
    limits = Limits(max_width, max_height, max_size)
    try:
        edid = make_edid(mode, limits)
    except ValueError as refusal:
        said = str(refusal)
        if mode.width > max_width or mode.height > max_height:
            assert f"{max_width}x{max_height}" in said
        else:
            # Only the size of the EDID is left: what 18 bytes do not hold.
            assert max_size < 256 and f"{max_size} bytes" in said
            assert str(MAX_ACTIVE) in said or f"{MAX_CLOCK_KHZ / 1000:g} MHz" in said
        assert "\n" not in said
        return
    assert len(edid) <= max_size
    assert mode.width <= max_width and mode.height <= max_height
    # No other mode in it is beyond them either.
    first = decode_detailed(edid[54:72])
    assert first is not None and first.width <= max_width and first.height <= max_height
    for code in (edid[at : at + 2] for at in range(38, 54, 2)):
        assert code == b"\1\1" or (code[0] + 31) * 8 <= max_width


@given(small_modes)
def test_one_block_does_for_what_a_detailed_timing_holds(mode: Mode) -> None:
    assert len(make_edid(mode)) == BLOCK
    assert make_edid(mode, ONE_BLOCK) == make_edid(mode)


def test_a_device_with_room_gets_the_larger_modes_too() -> None:
    mode = Mode(1920, 1080)
    assert len(make_edid(mode, Limits(3840, 2160, 1024))) == 2 * BLOCK
    # Not where they would be beyond the limits, or nobody knows whether they are.
    assert len(make_edid(mode, Limits(1920, 1200, 1024))) == BLOCK
    assert len(make_edid(mode, Limits(None, None, 1024))) == BLOCK
    assert preferred(make_edid(mode, Limits(3840, 2160, 1024))).width == 1920


def test_a_guest_that_knows_no_displayid_gets_the_half() -> None:
    edid = make_edid(Mode(7680, 4320))
    first = decode_detailed(edid[54:72])
    assert first is not None
    assert (len(edid), first.width, first.height, preferred(edid).width) == (2 * BLOCK, 3840, 2160, 7680)


def test_each_size_is_another_screen_to_the_guest_by_one_name() -> None:
    one, other = make_edid(Mode(1280, 800)), make_edid(Mode(1280, 1024))
    assert one[12:16] != other[12:16]
    assert parse_edid(one).name == parse_edid(other).name == "mdevview"
    assert parse_edid(make_edid(Mode(640, 480), name="too long a name for it")).name == "too long a na"


@pytest.mark.parametrize(("dpi", "size"), [(96.0, (508, 286)), (192.0, (254, 143))])
def test_the_physical_size_follows_from_the_density(dpi: float, size: tuple[int, int]) -> None:
    data = make_edid(Mode(1920, 1080), dpi=dpi)[54:72]
    assert (data[12] | data[14] >> 4 << 8, data[13] | (data[14] & 15) << 8) == size


@pytest.mark.usefixtures("edid_decode")
@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "64x64",
        "64x64@480",
        "320x200@20",
        "640x480",
        "800x600@75",
        "1024x768",
        "1366x768",
        "1283x977",
        "1920x1080@59.94",
        "1920x1080@144",
        "1920x1080@300",
        "1920x1200",
        "2560x1080",
        "2560x1440@165",
        "3440x1440",
        "3840x2160",
        "4095x64",
        "4096x2160",
        "5120x2160@24",
        "7680x4320@120",
        "64x16384",
        "16384x16384",
    ],
)
def test_edid_decode_finds_it_conforming(text: str, limited: bool) -> None:
    mode = parse_mode(text)
    limits = Limits(mode.width, mode.height, 1024) if limited else Limits()
    done = subprocess.run(
        ["edid-decode", "--check", "--preferred-timings"],
        input=make_edid(mode, limits),
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode()
    assert "EDID conformity: PASS" in said, said
    # Small pictures are small; and the registry of manufacturers knows no virtual screens.
    warnings = [line for line in said.partition("Warnings:")[2].splitlines() if line.startswith("  ")]
    assert [each for each in warnings if "smaller than 10x10 cm" not in each and "PNP MVW" not in each] == []
    rates = re.findall(rf"DTD.*: +{mode.width}x{mode.height} +([\d.]+) Hz", said)
    # The last is that of a reader who knows all blocks.
    assert abs(float(rates[-1]) - mode.refresh_hz) <= TOLERANCE_HZ
