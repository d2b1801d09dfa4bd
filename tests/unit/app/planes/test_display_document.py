"""What was counted of a pushed source's messages, as JSON."""

import json

from app.planes.display_document import messages_document
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem


def test_counts_and_problems_are_in_the_document() -> None:
    facts = DisplayFacts(
        "map", (("ScanoutMap", 2), ("UpdateMap", 40)), 1, False, (SeenProblem(DisplayProblem.BAD_MESSAGE, "w=0", 3),)
    )
    assert json.loads(json.dumps(messages_document(facts))) == {
        "scanout": "map",
        "received": [{"name": "ScanoutMap", "count": 2}, {"name": "UpdateMap", "count": 40}],
        "scanouts_skipped": 1,
        "acknowledged": False,
        "problems": [{"key": "display-bad-message", "evidence": "w=0", "count": 3}],
    }


def test_a_polled_source_has_no_messages() -> None:
    assert messages_document(None) is None
