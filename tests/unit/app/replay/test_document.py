"""Messages become JSON and back without a change, and nothing else becomes a message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.replay.document import from_document, json_schema, to_document
from app.replay.schema import TOPICS, Fetch, Pixels, Query

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.integers(0, 2**32 - 1),
    st.none() | st.integers(0, 2**16 - 1),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, 2**63 - 1),
    st.none() | st.text(max_size=64),
)
def test_a_message_survives_json(
    dmabuf_id: int, number: int | None, inode: int | None, size: int | None, exporter: str | None
) -> None:
    message = Fetch(dmabuf_id, number, inode, size, exporter)
    assert from_document(Fetch, json.loads(json.dumps(to_document(message)))) == message


@given(st.sampled_from(sorted(TOPICS)), _JSON, st.data())
def test_any_json_is_a_message_or_refused(topic: str, document: object, data: st.DataObject) -> None:
    type_ = TOPICS[topic]
    if isinstance(document, dict):
        fields = json_schema(type_, "x")["properties"]
        document |= {each: data.draw(_JSON) for each in fields}
    try:
        message = from_document(type_, document)
    except ValueError:
        return
    assert from_document(type_, to_document(message)) == message


@pytest.mark.parametrize(
    "document",
    [
        {"plane_type": -1, "flags": 0},
        {"plane_type": 2**32, "flags": 0},
        {"plane_type": True, "flags": 0},
        {"plane_type": 1.0, "flags": 0},
        {"flags": 0},
        {"plane_type": 1, "flags": 0, "answer": "0"},
        {"plane_type": 1, "flags": 0, "answer": "0G"},
        {"plane_type": 1, "flags": 0, "answer": "00" * 257},
        [],
    ],
)
def test_values_out_of_range_are_refused(document: object) -> None:
    with pytest.raises(ValueError):
        from_document(Query, document)


def test_a_later_version_may_have_more_keys() -> None:
    document = {"plane_type": 1, "flags": 2, "colour_space": "bt2020"}
    assert from_document(Query, document) == Query(1, 2)


def test_the_schema_names_the_limits() -> None:
    schema = json_schema(Pixels, "mdevview.Pixels")
    assert schema["properties"]["width"] == {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
    assert schema["properties"]["content"]["type"] == ["string", "null"]
    assert "content" not in schema["required"]
