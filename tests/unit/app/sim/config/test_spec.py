"""The text after ``sim:``: what it means, and the message for a mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import drm_fourcc as drm
from app.formats.fourcc import fourcc_text, known_formats
from app.formats.yuv import Matrix
from app.sim.config.fault import FAULT_NAMES, Fault, parse_faults
from app.sim.config.spec import Spec, parse_spec
from app.sim.config.spec_words import PROFILES


def test_gvt_by_itself_is_full_hd_with_a_cursor_and_three_buffers() -> None:
    spec = parse_spec("gvt")
    assert (spec.width, spec.height, spec.stride) == (1920, 1080, 7680)
    assert (spec.fourcc, spec.modifier) == (drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_MOD_LINEAR)
    assert (spec.cursor, spec.buffers, spec.fps, spec.hot) == (True, 3, 60, None)


@pytest.mark.parametrize("profile", ["mbochs", "mdpy"])
def test_the_sample_drivers_are_xga_without_a_cursor(profile: str) -> None:
    spec = parse_spec(profile)
    assert (spec.width, spec.height, spec.cursor, spec.buffers) == (1024, 768, False, 1)


def test_every_key_is_understood() -> None:
    spec = parse_spec(
        "gvt,format=YUYV,modifier=yf,size=640x480,fps=0.5,buffers=8,stride=2048,matrix=bt709,cursor=off,hot=4x6,"
        "module=mbochs,fault=off@1-2/3+get-einval"
    )
    assert (spec.fourcc, spec.modifier) == (drm.DRM_FORMAT_YUYV, drm.I915_FORMAT_MOD_Yf_TILED)
    assert (spec.width, spec.height, spec.fps, spec.buffers, spec.stride) == (640, 480, 0.5, 8, 2048)
    assert (spec.matrix, spec.cursor, spec.hot, spec.module) == (Matrix.BT709, False, (4, 6), "mbochs")
    assert spec.faults == (Fault("off", 1, 2, 3), Fault("get-einval", 0, None, None))


def test_a_format_may_be_typed_small() -> None:
    assert parse_spec("gvt,format=xr30").fourcc == drm.DRM_FORMAT_XRGB2101010


@pytest.mark.parametrize("name", ["x", "X", "INTEL_X_TILED", "I915_FORMAT_MOD_X_TILED", "x_tiled"])
def test_a_modifier_may_be_named_in_full(name: str) -> None:
    assert parse_spec(f"gvt,modifier={name}").modifier == drm.I915_FORMAT_MOD_X_TILED


@pytest.mark.parametrize(
    ("spec", "stride"),
    [
        ("gvt,size=65x64", 320),
        ("gvt,size=65x64,modifier=X", 512),
        ("gvt,size=65x64,modifier=Y", 384),
        ("gvt,size=65x64,modifier=Yf,format=C8", 128),
        ("mbochs,size=65x64", 260),
        ("gvt,size=65x64,stride=261", 261),
    ],
)
def test_the_stride_is_what_the_hardware_would_take(spec: str, stride: int) -> None:
    assert parse_spec(spec).stride == stride


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "unknown simulated device ''"),
        ("gvtt", "did you mean 'gvt'"),
        ("gvt,fromat=XR24", "did you mean 'format'"),
        ("gvt,size", "'size' is not of the form key=value"),
        ("gvt,", "'' is not of the form"),
        ("gvt,size=64x64,size=64x65", "given twice"),
        ("gvt,size=63x64", "outside 64x64 to 7680x4320"),
        ("gvt,size=1920", "WIDTHxHEIGHT"),
        ("gvt,format=YUVY", "known are C8, RG16"),
        ("gvt,modifier=Z", "LINEAR, X, Y, Yf, 4"),
        ("gvt,modifier=Yf,format=RG24", "no layout"),
        ("gvt,fps=-1", "fps="),
        ("gvt,fps=nan", "fps="),
        ("gvt,buffers=9", "1 to 8"),
        ("gvt,buffers=²", "1 to 8"),
        ("gvt,stride=100", "take 7680 bytes"),
        ("gvt,modifier=X,stride=7744", "512"),
        ("gvt,matrix=bt2020", "bt601, bt709"),
        ("gvt,hot=1,2", "'2' is not of the form"),
        ("gvt,hot=1", "hot='1'"),
        ("gvt,hot=99x1", "0 to 64"),
        ("mdpy,modifier=X", "linear only"),
        ("mbochs,cursor=on", "no cursor plane"),
        ("mbochs,buffers=2", "one framebuffer"),
        ("gvt,fault=query-eival", "did you mean 'query-einval'"),
        ("gvt,fault=of", "did you mean 'off'"),
        ("gvt,fault=off@2-1", "ends before it starts"),
        ("gvt,fault=off@1-5/4", "period"),
        ("gvt,fault=gone@1-2", "does not come back"),
        ("gvt,fault=off@soon", "NAME[@START[-END][/PERIOD]]"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(spec: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_spec(spec)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.lists(st.text("gvt,=x0123456789@-+/sizefaulorm", max_size=20)).map(",".join))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    for spec in (text, f"gvt,{text}", f"gvt,size={text}", f"gvt,fps={text}", f"mdpy,fault={text}"):
        try:
            assert isinstance(parse_spec(spec), Spec)
        except ValueError as error:
            assert str(error)


faults = st.builds(
    lambda name, start, length, rest: Fault(name, start, start + length, start + length + rest),
    st.sampled_from([name for name in FAULT_NAMES if name != "gone"]),
    st.integers(0, 9),
    st.integers(1, 9),
    st.integers(0, 9),
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    width, height = draw(st.integers(64, 7680)), draw(st.integers(64, 4320))
    words = [
        f"size={width}x{height}",
        f"format={fourcc_text(draw(st.sampled_from(known_formats())).fourcc)}",
        f"fps={draw(st.floats(0.01, 1000))!r}",
        f"matrix={draw(st.sampled_from(('bt601', 'bt709')))}",
    ]
    if draw(st.booleans()):
        words.append("fault=" + "+".join(str(each) for each in draw(st.lists(faults, min_size=1, max_size=3))))
    return ",".join([draw(st.sampled_from(PROFILES)), *draw(st.permutations(words))])


@given(specs())
def test_a_specification_written_out_means_the_same(text: str) -> None:
    spec = parse_spec(text)
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("off@1-2", [1.0, 1.5]),
        ("off@1.5", [1.5, 2.0, 2.5, 9.0]),
        ("off@0.5-1/2", [0.5, 2.5]),
        ("query-einval", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 9.0]),
        ("off", [2.0, 2.5]),
    ],
)
def test_a_fault_holds_when_its_schedule_says(text: str, times: list[float]) -> None:
    (fault,) = parse_faults(text)
    moments = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 9.0)
    assert [each for each in moments if fault.active(round(each * 1e9))] == times
