"""A row of the inspector's tree."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.text.clean import clean_line

LONGEST = 500
"""Characters of a value. A line of the tree is wrapped."""


@dataclass(frozen=True, slots=True)
class Node:
    """``key`` tells whether a node is the same as one before, among the children of one node."""

    key: str
    name: str
    value: str = ""
    children: tuple["Node", ...] = ()


def leaves(pairs: Iterable[tuple[str, str, object]]) -> tuple[Node, ...]:
    """A node for each value that is known: ``pairs`` are key, name and value."""
    return tuple(
        Node(key, name, clean_line(str(value), LONGEST)) for key, name, value in pairs if value not in (None, "")
    )
