"""The document beside a file of raw bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.reading import Parts
from app.planes.buffer import MemoryBuffer
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.raw_file import RawFacts, facts_of, parse_raw_document, raw_document, raw_length

U32 = st.integers(0, (1 << 32) - 1)
DEVICE = {"name": "secret", "type": "a", "driver": "b", "simulated": True}


def plane_of(**changes: Any) -> Plane:
    values = {
        "kind": PlaneKind.PRIMARY,
        "backing": Backing.REGION,
        "fourcc": drm.DRM_FORMAT_XRGB8888,
        "modifier": 0,
        "width": 16,
        "height": 4,
        "stride": 64,
        "size": 256,
        "x": 0,
        "y": 0,
        "hot_x": None,
        "hot_y": None,
        "handle": 9,
    }
    return Plane(**{**values, **changes})


@given(U32, st.integers(0, (1 << 64) - 1), U32, U32, U32, U32, st.booleans(), st.sampled_from(PlaneKind), st.booleans())
def test_any_plane_comes_back(
    fourcc: int,
    modifier: int,
    width: int,
    height: int,
    stride: int,
    offset: int,
    inverted: bool,
    kind: PlaneKind,
    straight: bool,
) -> None:
    """Also an impossible one: to find out what it is, is what the file is for."""
    plane = plane_of(
        kind=kind,
        fourcc=fourcc,
        modifier=modifier,
        width=width,
        height=height,
        stride=stride,
        offset=offset,
        y_inverted=inverted,
        straight_alpha=straight,
    )
    document = raw_document(plane, MemoryBuffer(bytes(512)), DEVICE, 256, "2024-01-01T00:00:00+00:00")
    assert "secret" not in json.dumps(document)
    facts = parse_raw_document(json.dumps(document).encode())
    premultiplied = kind is PlaneKind.CURSOR and not straight
    expected = RawFacts(Parts(fourcc, modifier, (width, height), stride), offset, inverted, premultiplied)
    assert facts == expected == facts_of(plane)


def test_of_a_region_only_the_plane_is_written() -> None:
    memory = MemoryBuffer(bytes(4096))
    assert raw_length(plane_of(), memory) == 256
    assert raw_length(plane_of(size=1000), memory) == 1000
    assert raw_length(plane_of(offset=512), memory) == 768
    assert raw_length(plane_of(height=1 << 31), memory) == 4096


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "newer mdevview"),
        ({"version": True}, "no version"),
        ({"kind": "measure"}, "no document of"),
        ({"width": -1}, "no width"),
        ({"stride": 1.5}, "no stride"),
        ({"modifier": 1 << 64}, "no modifier"),
        ({"fourcc": 5}, "no fourcc"),
        ({"fourcc": "XR24A"}, "which is none"),
        ({"y_inverted": 1}, "neither true nor false"),
        ({"straight_alpha": None}, "neither true nor false"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(changes: dict[str, Any], words: str) -> None:
    document = raw_document(plane_of(), MemoryBuffer(bytes(256)), DEVICE, 256, "")
    with pytest.raises(ValueError, match=words):
        parse_raw_document(json.dumps({**document, **changes}).encode())
