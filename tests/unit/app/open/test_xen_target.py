"""The TARGETs of a Xen host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UsageError
from app.open.target import parse_target
from app.open.xen_target import XenRefs, XenScreen

XR24 = 0x34325258


def test_a_screen_is_named_by_guest_device_and_connector() -> None:
    assert parse_target("xen:win10") == XenScreen("win10")
    assert parse_target("xen:4,connector=1") == XenScreen("4", None, 1)
    assert parse_target("xen:a,b,device=1,connector=0") == XenScreen("a,b", 1, 0)


def test_references_have_a_size_and_a_format() -> None:
    assert parse_target("xen:4,refs=8+9-12,size=64x48,format=XR24") == XenRefs("4", "8+9-12", 64, 48, XR24)
    assert parse_target("xen:g,format=XR24,size=64x48,refs=/tmp/refs,stride=256,offset=4096") == XenRefs(
        "g", "/tmp/refs", 64, 48, XR24, 256, 4096
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("xen:g,refs=8", "size= is missing"),
        ("xen:g,size=64x48", "refs= is missing"),
        ("xen:g,refs=8,size=64x48", "format= is missing"),
        ("xen:g,refs=8,size=64,format=XR24", "'64' is no size"),
        ("xen:g,refs=8,size=0x48,format=XR24", "is no size"),
        ("xen:g,refs=8,size=64x48,format=XRGB8888", "is no format"),
        ("xen:g,refs=8,size=64x48,format=XR24,stride=0", "no number from 1"),
        ("xen:g,refs=8,size=64x48,format=XR24,connector=1", "connector= is for a guest's display"),
        ("xen:g,connector=x", "no number from 0"),
        ("xen:g,connector=1,connector=2", "given twice"),
        ("xen:99999", "no domain's number"),
        ("xen:99999999999", "no domain's number"),
        ("xen:,device=1", "name or number is missing"),
        ("xen:", "nothing follows the colon"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_target(text)
    assert why in raised.value.message
    assert raised.value.remedy


@given(
    st.from_regex(r"xen:.*", fullmatch=True)
    | st.text(alphabet="xen:,=devicrfsztoma0123456789+-\n٣").map("xen:".__add__)
)
def test_any_text_is_a_target_or_bad_usage(text: str) -> None:
    try:
        assert isinstance(parse_target(text), XenScreen | XenRefs)
    except UsageError as error:
        assert error.remedy
