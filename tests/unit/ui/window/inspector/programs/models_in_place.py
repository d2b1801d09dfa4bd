"""A table and a tree are shown one state after the other. Indexes of rows that stay follow them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QPersistentModelIndex

from ui.window.inspector.node import Node
from ui.window.inspector.plane_tree import NodesModel
from ui.window.inspector.rows_model import Row, RowsModel
from ui.window.qt_application import new_application

application = new_application()

rows = st.lists(
    st.builds(Row, st.integers(0, 9), st.tuples(st.sampled_from("ab"), st.sampled_from("cd"))),
    unique_by=lambda each: each.key,
    max_size=8,
)


@given(st.lists(rows, min_size=2, max_size=5))
@settings(deadline=None, max_examples=150)
def table(states: list[list[Row]]) -> None:
    model = RowsModel(("one", "two"))
    for state in states:
        kept = {each.key: QPersistentModelIndex(model.index(at, 0)) for at, each in enumerate(model.rows)}
        touched: list[object] = []
        model.dataChanged.connect(lambda first, _last, _roles=(), touched=touched: touched.append(first.row()))
        before = dict(enumerate(model.rows))
        model.show(state)
        model.dataChanged.disconnect()
        assert list(model.rows) == state
        shown = [tuple(model.index(at, column).data() for column in (0, 1)) for at in range(model.rowCount())]
        assert shown == [each.texts for each in state]
        if list(before.values()) == state:
            assert not touched, "nothing changed"
        if [each.key for each in before.values()] == [each.key for each in state]:
            for at, each in enumerate(state):
                assert kept[each.key].row() == at, "it is the same row"


nodes = st.recursive(
    st.builds(Node, st.sampled_from("abcde"), st.sampled_from("xy"), st.sampled_from("12")),
    lambda inner: st.builds(
        Node,
        st.sampled_from("abcde"),
        st.sampled_from("xy"),
        st.sampled_from("12"),
        st.lists(inner, unique_by=lambda each: each.key, max_size=3).map(tuple),
    ),
    max_leaves=8,
)


@given(st.lists(st.lists(nodes, unique_by=lambda each: each.key, max_size=4), min_size=2, max_size=4))
@settings(deadline=None, max_examples=100)
def tree(states: list[list[Node]]) -> None:
    model = NodesModel()
    for state in states:
        kept = {
            model.index(at, 0).data(0x100): QPersistentModelIndex(model.index(at, 0)) for at in range(model.rowCount())
        }
        model.show(state)
        assert read(model, model.invisibleRootItem()) == tuple(state)
        if list(kept) == [each.key for each in state]:
            assert [kept[each.key].row() for each in state] == list(range(len(state)))


def read(model: NodesModel, parent: object) -> tuple[Node, ...]:
    found = []
    for row in range(parent.rowCount()):  # type: ignore[attr-defined]
        name, value = parent.child(row, 0), parent.child(row, 1)  # type: ignore[attr-defined]
        found.append(Node(name.data(0x100), name.text(), value.text(), read(model, name)))
    return tuple(found)


table()
tree()
