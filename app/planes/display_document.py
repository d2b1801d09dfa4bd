"""What a source whose frames are pushed tells of its messages, as JSON. A published key keeps its meaning."""

from app.planes.display_facts import DisplayFacts
from app.planes.plane_document import Document


def messages_document(facts: DisplayFacts | None) -> Document | None:
    """The element ``messages``; null for a source that is polled.

    ``scanout`` is how pixels come, ``received`` counts the messages by QEMU's names, ``scanouts_skipped`` those
    pictures that a newer one replaced before anybody took them. ``acknowledged`` tells whether the guest waits for each
    picture to be taken. What QEMU replaced before it sent it is in no message, so nobody but QEMU can count it.
    """
    if facts is None:
        return None
    return {
        "scanout": facts.scanout,
        "received": [{"name": name, "count": count} for name, count in facts.messages],
        "scanouts_skipped": facts.scanouts_skipped,
        "acknowledged": facts.acknowledged,
        "problems": [
            {"key": each.problem.value, "evidence": each.evidence, "count": each.count} for each in facts.problems
        ],
    }
