from hypothesis import given
from hypothesis import strategies as st

from app.xen.display.lookup import MOST_DEVICES, XenConnector, domains, find_guest, guest_kind, why_not_served
from tests.xen.direct_store import DirectStore
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import DisplayConfig


def _store(xen: FakeXen) -> DirectStore:
    return DirectStore(xen.tree)


def test_guests_are_told_with_their_displays_and_keyboards() -> None:
    with fake_xen() as xen:
        xen.create("no display", displays=())
        guest = xen.create("debian", [DisplayConfig((("id0", 1024, 768), ("id1", 800, 600)), True)], keyboard=True)
        store = _store(xen)
        _, without, found = domains(store)
        assert (without.name, without.displays) == ("no display", ())
        assert (found.domid, found.name, found.uuid) == (guest.domid, "debian", guest.uuid)
        (display,) = found.displays
        assert display.be_alloc and (display.device, display.backend_domid) == (0, 0)
        assert (display.frontend_state, display.backend_state) == (1, 1)
        assert display.connectors == (XenConnector(0, 1024, 768, "id0"), XenConnector(1, 800, 600, "id1"))
        assert found.keyboards == (0,)
        assert find_guest(store, 99) is None
        store.close()


def test_how_a_guest_is_virtualized_is_told_by_its_toolstack() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        store = _store(xen)
        xen.tree.remove(f"/libxl/{guest.domid}")
        assert guest_kind(store, guest.domid) == ""
        xen.tree.write(f"{guest.home}/hvmloader/allow-memory-relocate", "1")
        assert guest_kind(store, guest.domid) == "hvm"
        xen.tree.write(f"/libxl/{guest.domid}/type", "pv")
        assert guest_kind(store, guest.domid) == "pv"
        assert "be-alloc=0" in why_not_served("pv", be_alloc=True)
        assert not (why_not_served("pv", be_alloc=False) or why_not_served("pvh", be_alloc=True))
        store.close()


_TEXTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=300)


@given(
    name=_TEXTS,
    values=st.lists(_TEXTS, min_size=6, max_size=6),
    nodes=st.lists(st.text("0159٣x-_.", min_size=1, max_size=12), max_size=4),
)
def test_what_a_guest_writes_is_bounded_and_cleaned(name: str, values: list[str], nodes: list[str]) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        front = f"{guest.home}/device/vdispl"
        paths = ["0/backend-id", "0/state", "0/be-alloc", "0/0/resolution", "0/0/unique-id", "1/state"]
        for path, value in zip(paths, values, strict=True):
            xen.tree.write(f"{front}/{path}", value)
        xen.tree.write(f"{guest.home}/name", name)
        for each in nodes:
            xen.tree.write(f"{front}/{each}/0/resolution", "8x8")
        store = _store(xen)
        _, found = domains(store)
        assert found.name.isprintable() and len(found.name) <= 128
        for display in found.displays:
            assert 0 <= display.device <= 0xFFFF and 0 <= display.backend_domid <= 0xFFFF
            assert 0 <= display.frontend_state <= 8
            for connector in display.connectors:
                assert 0 <= connector.width <= 16384 and 0 <= connector.height <= 16384
                assert connector.unique_id.isprintable() and len(connector.unique_id) <= 128
        store.close()


def test_a_guest_with_more_nodes_than_xenstore_lists_does_not_hide_the_others() -> None:
    with fake_xen() as xen:
        hostile = xen.create("hostile")
        xen.create("other")
        names = (f"{number:04}{'x' * 250}" for number in range(1100))
        xen.tree.write_all([(f"{hostile.home}/device/vdispl/0/{each}", "") for each in names])
        store = xen.open_store()
        assert [(each.name, len(each.displays[0].connectors)) for each in domains(store)[1:]] == [
            ("hostile", 0),
            ("other", 1),
        ]
        store.close()


def test_a_guest_with_thousands_of_devices_is_looked_at_up_to_a_limit() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        for number in range(1000):
            xen.tree.write(f"{guest.home}/device/vdispl/{number}/state", "1")
            xen.tree.write(f"{guest.home}/device/vdispl/0/{number}/resolution", "8x8")
        store = _store(xen)
        _, found = domains(store)
        assert len(found.displays) == len(found.displays[0].connectors) == MOST_DEVICES
        store.close()
