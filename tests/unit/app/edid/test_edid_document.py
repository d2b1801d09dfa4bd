"""What is said about an EDID, whole or broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edid.edid_document import edid_document
from app.edid.edid_text import edid_lines
from app.edid.make import make_edid
from app.edid.mode import BLOCK, Mode
from app.edid.parse import parse_edid
from tests.unit.app.edid.samples import SCREEN, WITH_CTA, WITH_DISPLAYID


def with_byte(at: int, value: int, mend: bool = False) -> bytes:
    """The screen's EDID with another byte; ``mend`` puts the checksum of its block right."""
    data = bytearray(SCREEN)
    data[at] = value
    if mend:
        last = at - at % BLOCK + BLOCK - 1
        data[last] = -sum(data[last - BLOCK + 1 : last]) % 256
    return bytes(data)


def test_the_screen_is_described() -> None:
    document = edid_document(SCREEN)
    assert document["faults"] == []
    wanted = {
        "manufacturer": "SAM",
        "product": 0x1234,
        "serial": 0x12345678,
        "week": 10,
        "year": 2020,
        "is_model_year": False,
        "edid_version": "1.4",
        "input": "digital",
        "interface": "HDMI-a",
        "bits_per_colour": 10,
        "width_cm": 60,
        "height_cm": 34,
        "gamma": 2.2,
        "colours": "RGB 4:4:4, YCbCr 4:4:4 and YCbCr 4:2:2",
        "srgb": False,
        "first_timing_is_native": True,
        "continuous_frequency": False,
        "power_states": ["off"],
        "established_timings": [
            *("720x400@70", "640x480@60", "640x480@75", "800x600@60"),
            *("800x600@75", "1024x768@60", "1024x768@75", "1280x1024@75"),
        ],
        "standard_timings": ["1920x1080@60", "1280x720@60"],
    }
    assert {key: document[key] for key in wanted} == wanted
    assert document["chromaticity"]["white"] == pytest.approx([0.3125, 0.329], abs=0.001)
    timing, name, serial, limits = document["descriptors"]
    assert (timing["timing"]["width"], timing["timing"]["height"], timing["timing"]["refresh_hz"]) == (1920, 1080, 60)
    assert (timing["width_mm"], timing["height_mm"]) == (600, 340)
    assert (name["text"], serial["text"]) == ("Wide?Screen", "H4ZN900123")
    assert (limits["v_least_hz"], limits["v_most_hz"], limits["h_most_khz"], limits["clock_mhz"]) == (48, 75, 81, 170)


def test_the_data_blocks_are_described() -> None:
    (extension,) = edid_document(SCREEN)["extensions"]
    assert (extension["name"], extension["revision"], extension["native_timings"]) == ("CTA-861", 3, 1)
    details = {each["name"]: each["details"] for each in extension["data_blocks"]}
    assert details == {
        "audio": ["LPCM, 2 channels, 32/44.1/48 kHz"],
        "video": ["VIC 16 1920x1080@60 16:9 (native)", "VIC 4 1280x720@60 16:9", "VIC 97 3840x2160@60 16:9"],
        "speaker allocation": ["FL/FR"],
        "vendor-specific": ["HDMI (OUI 000C03)", "physical address 1.0.0.0", "TMDS clock up to 300 MHz"],
        "colorimetry": ["BT2020YCC", "BT2020RGB"],
        "HDR static metadata": ["SDR gamma", "PQ (SMPTE ST 2084)"],
        "unknown, extended tag 122": [],
    }
    timing = extension["timings"][0]["timing"]
    assert (timing["height"], timing["interlaced"]) == (1080, True)


def test_displayid_timings_are_described() -> None:
    document = edid_document(WITH_DISPLAYID)
    assert document["faults"] == []
    (extension,) = document["extensions"]
    blocks = {each["name"]: each for each in extension["data_blocks"]}
    (timing,) = blocks["type I timing"]["timings"]
    assert (timing["timing"]["width"], timing["timing"]["height"], timing["preferred"]) == (5120, 2880, True)
    assert blocks["product identification"]["text"] == "mdevview"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (with_byte(70, 7), "the checksum of block 0 is wrong"),
        (with_byte(BLOCK + 40, 7), "the checksum of block 1 is wrong"),
        (with_byte(0, 1, mend=True), "the header 00ffffffffffff00 is missing"),
        (SCREEN[:100], "the EDID is cut off after 100 bytes; a block has 128"),
        (SCREEN[:200], "of 1 extension blocks only 0 are there"),
        (SCREEN + b"abc", "3 bytes follow after the last whole block"),
        (with_byte(8, 0xFF, mend=True), "the manufacturer is not three letters"),
        (with_byte(18, 2, mend=True), "version 2.4 is unknown; it is read as 1.4"),
        (with_byte(BLOCK + 2, 200, mend=True), "its timings start at byte 200"),
        (with_byte(BLOCK + 2, 10, mend=True), "is longer (3 bytes) than what follows (1)"),
        (WITH_DISPLAYID[:135] + b"\x01" + WITH_DISPLAYID[136:], "the checksum of the DisplayID section is wrong"),
        (WITH_DISPLAYID[:130] + b"\xff" + WITH_DISPLAYID[131:], "the DisplayID section is longer (255 bytes)"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_wrong_is_named(data: bytes, fault: str) -> None:
    document = edid_document(data)
    assert any(fault in each for each in document["faults"]), document["faults"]
    assert f"fault: {document['faults'][0]}" in " ".join(" ".join(edid_lines(document)).split())


def test_the_serial_number_is_shown_as_private() -> None:
    text = " ".join(" ".join(edid_lines(edid_document(SCREEN))).split())
    assert "H4ZN900123, 305419896 (identifies this very screen: leave it out of what you publish)" in text


def test_the_override_of_hdmi_forum_counts_the_extensions() -> None:
    override = bytearray(WITH_CTA[BLOCK:])
    override[4:7] = bytes((0xE2, 120, 2))
    data = WITH_CTA[:BLOCK] + bytes(override) + bytes(BLOCK)
    assert [each["block"] for each in edid_document(data)["extensions"]] == [1, 2]


@settings(deadline=None)
@given(st.integers(64, 8192), st.integers(64, 8192), st.integers(24, 240))
def test_it_agrees_with_the_parser_of_preferred_timings(width: int, height: int, refresh: int) -> None:
    try:
        data = make_edid(Mode(width, height, refresh))
    except ValueError:
        return
    document, edid = edid_document(data), parse_edid(data)
    assert document["faults"] == []
    timings = [each["timing"] for each in document["descriptors"] if each["type"] == "detailed timing"]
    for extension in document["extensions"]:
        for each in extension["data_blocks"]:
            timings = [item["timing"] for item in each.get("timings", ()) if item["preferred"]] or timings
    assert edid.preferred is not None
    assert (timings[0]["width"], timings[0]["height"]) == (edid.preferred.width, edid.preferred.height)


@settings(deadline=None)
@given(
    st.sampled_from((SCREEN, WITH_CTA, WITH_DISPLAYID)),
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=40),
    st.integers(0, 400),
)
def test_any_bytes_are_described(data: bytes, changes: list[tuple[int, int]], size: int) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at] = value
    document = edid_document(bytes(changed)[:size])
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert all(line.isprintable() and len(line) <= 200 for line in edid_lines(document))
    assert document["faults"] or bytes(changed)[:size] == bytes(changed)
