"""No input makes a parser raise an error that it does not document, take long, or return what harms a terminal."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edid.mode import BLOCK
from app.vm.replies import parse_pointing, parse_run_state
from tests.attacks.general_settings import parse_settings
from tests.attacks.limits import time_limit
from tests.attacks.parsers import MEBIBYTE, PARSERS, Parser, mutated

_KEYS = ("fds", "groups", "refused", "kind", "return", "error", "desc", "status", "current", "absolute")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9) | st.sampled_from(_KEYS), inner),
    max_leaves=12,
)

by_name = pytest.mark.parametrize("parser", PARSERS, ids=lambda each: each.name)


@by_name
@settings(max_examples=80)
@given(st.data())
def test_any_input_is_parsed_or_refused(parser: Parser, data: st.DataObject) -> None:
    parser.check(data.draw(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode())))
    seed = data.draw(st.sampled_from(parser.seeds))
    parser.check(mutated(seed, parser.seeds, random.Random(data.draw(st.integers(0, 1 << 32)))))


@by_name
def test_what_the_seeds_say_is_parsed(parser: Parser) -> None:
    for seed in parser.seeds:
        parser.check(seed)


@by_name
def test_a_mebibyte_is_parsed_in_linear_time(parser: Parser) -> None:
    """With a square of it this would take hours."""
    units = [bytes((each,)) for each in b'\0\n ,=:-@/+.[{"\\%a0'] + [b"[]", b'{"a":', b"a=1,", b"\n[a]\n", b" a"]
    with time_limit(120):
        for number, unit in enumerate((*units, *filter(None, parser.seeds))):
            seed = parser.seeds[number % len(parser.seeds)]
            parser.check((seed + unit * (MEBIBYTE // len(unit)) + seed)[: parser.limit])
        parser.check(b"a" * parser.limit)


@given(_JSON)
def test_a_vm_may_answer_any_json(value: object) -> None:
    for parse in (parse_pointing, parse_run_state):
        try:
            parse(value)
        except ValueError:
            continue


@given(_JSON)
def test_a_helper_may_answer_any_json(value: object) -> None:
    (parser,) = (each for each in PARSERS if each.name == "helper answer")
    parser.check(json.dumps(value).encode())


@given(st.integers(1, 4), st.data())
def test_an_edid_of_valid_checksums_may_say_anything(count: int, data: st.DataObject) -> None:
    (parser,) = (each for each in PARSERS if each.name == "EDID")
    start = bytearray(parser.seeds[0][:BLOCK])
    start[20:126] = data.draw(st.binary(min_size=106, max_size=106))
    start[126] = count - 1
    parser.check(bytes(start) + data.draw(st.binary(min_size=BLOCK * (count - 1), max_size=BLOCK * (count - 1))))


@given(st.text(max_size=400))
def test_a_setting_is_one_of_few(text: str) -> None:
    try:
        settings_read, _ = parse_settings(f"[General]\n{text}")
    except ValueError:
        return
    geometry = settings_read.geometry
    assert geometry is None or (160 <= geometry.width <= 32767 and 120 <= geometry.height <= 32767)
