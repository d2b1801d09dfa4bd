"""Every format's memory layout: whole bytes, the kernel's sizes, and the places of the formats that are shown."""

import pytest

from app.abi import drm_fourcc as drm
from app.formats.fourcc import Channel, Family, PixelFormat, format_name, fourcc_text, known_formats
from app.formats.layout import codes_by_name, known_layout, known_layouts

LAYOUTS = known_layouts()

# Planes, and bits a pixel of each, of __drm_format_info() in drivers/gpu/drm/drm_fourcc.c.
KERNEL = {
    "C1": (1,),
    "C8": (8,),
    "R10": (16,),
    "RGB332": (8,),
    "BGRA5551": (16,),
    "RGB888": (24,),
    "XBGR2101010": (32,),
    "ARGB16161616F": (64,),
    "AXBXGXRX106106106106": (64,),
    "RGB565_A8": (16, 8),
    "RGB888_A8": (24, 8),
    "YVU410": (8, 0.5, 0.5),
    "YUV411": (8, 2, 2),
    "YUV420": (8, 2, 2),
    "YVU422": (8, 4, 4),
    "YUV444": (8, 8, 8),
    "NV12": (8, 4),
    "NV61": (8, 8),
    "NV24": (8, 16),
    "NV15": (10, 5),
    "NV20": (10, 10),
    "NV30": (10, 20),
    "P010": (16, 8),
    "P210": (16, 16),
    "P030": (32 / 3, 16 / 3),
    "Q401": (16, 16, 16),
    "YUYV": (16,),
    "Y210": (32,),
    "Y412": (64,),
    "VUY888": (24,),
    "X0L0": (16,),
    "Y0L2": (16,),
}


@pytest.mark.parametrize(("name", "bits"), KERNEL.items())
def test_planes_take_as_many_bits_as_the_kernel_says(name: str, bits: tuple[float, ...]) -> None:
    layout = LAYOUTS[codes_by_name()[name]]
    assert [plane.bits_per_pixel for plane in layout.planes] == pytest.approx(bits)


def test_words_are_whole_bytes_and_every_pixel_has_a_brightness() -> None:
    assert len(LAYOUTS) == len(codes_by_name()) == 134
    for layout in LAYOUTS.values():
        assert fourcc_text(layout.fourcc).isprintable() and layout.content
        for plane in layout.planes:
            assert sum(each.bits for each in plane.components) == 8 * plane.size
            ends = [each.shift + each.bits for each in plane.components]
            assert [each.shift for each in plane.components] == [0, *ends[:-1]]
            first = [each for each in plane.components if each.name in ("Y", "R", "C", "D")]
            if plane is layout.planes[0] and "Y" in {each.name for each in first}:
                assert len(first) == plane.width * plane.height
            assert len(first) == len({each.sample for each in first})


@pytest.mark.parametrize("shown", known_formats(), ids=lambda each: each.name)
def test_the_formats_that_are_shown_have_the_same_layout(shown: PixelFormat) -> None:
    layout = known_layout(shown.fourcc)
    assert layout is not None and layout.name == shown.name and len(layout.planes) == 1
    plane = layout.planes[0]
    assert (plane.size, plane.width) == (shown.bytes_per_pixel * shown.width_multiple, shown.width_multiple)
    if shown.family is Family.RGB:
        wanted = {"R": shown.red, "G": shown.green, "B": shown.blue, "A": shown.alpha}
        found = {each.name: Channel(each.shift, each.bits) for each in plane.components if each.name != "x"}
        assert found == {name: channel for name, channel in wanted.items() if channel}
    if shown.family is Family.YUV422:
        places = {each.label: each.shift // 8 for each in plane.components}
        assert (places["Y0"], places["Y1"]) == shown.luma
        assert (places["Cb0"], places["Cr0"]) == shown.chroma


def test_names_and_chroma() -> None:
    assert format_name(drm.fourcc_code("NV12")) == "NV12"
    assert format_name(drm.fourcc_code("AB4H")) == "ABGR16161616F"
    assert format_name(drm.fourcc_code("zzzz")) == "zzzz"
    subsampling = {name: LAYOUTS[codes_by_name()[name]].subsampling for name in ("YUYV", "P030", "NV30", "YVU410")}
    assert subsampling == {"YUYV": "4:2:2", "P030": "4:2:0", "NV30": "4:4:4", "YVU410": "4:1:0"}
    contents = {name: LAYOUTS[codes_by_name()[name]].content for name in ("C4", "D1", "R8", "GR88", "ARGB16161616F")}
    assert contents == {
        "C4": "an index into a palette",
        "D1": "darkness: 0 is white",
        "R8": "one channel, red",
        "GR88": "two channels, red and green",
        "ARGB16161616F": "RGB as half floats with alpha",
    }
