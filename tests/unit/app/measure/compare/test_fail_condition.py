"""What a user may write after --fail-if."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.compare.fail_condition import FIGURES, FailCondition, parse_condition


@pytest.mark.parametrize(
    ("text", "stage", "figure", "above", "limit", "relative"),
    [
        ("p99>+10%", "flip_to_submit", "p99", True, 0.1, True),
        ("query.p50 > +200us", "query", "p50", True, 200, False),
        ("true_flip_to_submit.p99.9>+2ms", "true_flip_to_submit", "p999", True, 2000, False),
        ("p999>+2.5s", "flip_to_submit", "p999", True, 2.5e6, False),
        ("p99.9>-5%", "flip_to_submit", "p999", True, -0.05, True),
        ("max<-100%", "flip_to_submit", "max", False, -1, True),
    ],
)
def test_conditions(text: str, stage: str, figure: str, above: bool, limit: float, relative: bool) -> None:
    assert parse_condition(text) == FailCondition(text, stage, figure, above, limit, relative)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' needs one > or <, such as p99>+10%"),
        ("p99>>+1%", "'p99>>+1%' needs one > or <"),
        ("p98>+1%", "'p98' is none of p50, p90, p95, p99, p99.9 and max"),
        ("query.mean>+1%", "'mean' is none of p50"),
        ("Query.p50>+1%", "'Query' is no name of a stage, such as flip_to_submit"),
        ("p99>10%", "the limit of a change begins with + or -"),
        ("p99>+x%", "'+x%' is no number"),
        ("p99>+1e3ms", "'e3ms' is no unit; the units are %, us, ms and s"),
        ("p99>+10", "the limit has no unit; the units are"),
        ("p99>-101%", "nothing becomes less by more than 100 %"),
        ("p99>+999999999999s", "the limit is out of range"),
        ("p99>+1\x1b[2J", "'?[2J' is no unit"),
    ],
)
def test_the_wrong_part_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_condition(text)
    assert message in str(raised.value)
    assert str(raised.value).isprintable()


@given(
    st.sampled_from(["", "query.", "flip_to_submit."]),
    st.sampled_from(sorted(FIGURES)),
    st.sampled_from("<>"),
    st.decimals(-100, 10**6, places=3),
    st.sampled_from(["%", "us", "ms", "s"]),
)
def test_what_is_written_is_what_is_meant(stage: str, figure: str, operator: str, limit: object, unit: str) -> None:
    condition = parse_condition(f"{stage}{figure}{operator}{limit:+f}{unit}")
    factor = {"%": 0.01, "us": 1, "ms": 1e3, "s": 1e6}[unit]
    assert condition.limit == pytest.approx(float(str(limit)) * factor)
    assert (condition.figure, condition.above) == (FIGURES[figure], operator == ">")


@given(st.text(alphabet="p59.max_<>+-%0123eusm \n\0é\u202e", max_size=20))
def test_any_text_is_a_condition_or_a_value_error(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ValueError as error:
        assert str(error).isprintable()
        return
    assert condition.text.isprintable()
    assert abs(condition.limit) <= 1e12
