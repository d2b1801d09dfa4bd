"""The end of a device in any order of what a guest and a toolstack do to its nodes."""

import errno

from hypothesis import given, settings
from hypothesis import strategies as st

from app.xen.backend.connection import CLOSING_NS, Connection, Ended, Step
from app.xen.backend.device import VDISPL, VKBD, Device
from tests.xen.direct_store import DirectStore
from tests.xen.machine import fake_xen


class _DriverDomainStore(DirectStore):
    """Xenstore as a domain sees it that is not domain 0: other domains and their ends are hidden."""

    def read(self, path: str) -> str:
        if path.count("/") == 3:
            raise PermissionError(errno.EACCES, path)
        return super().read(path)

    def watch(self, path: str, token: str) -> None:
        if path == "@releaseDomain":
            raise PermissionError(errno.EACCES, path)
        super().watch(path, token)

    def unwatch(self, path: str, token: str) -> None:
        if path == "@releaseDomain":
            raise FileNotFoundError(errno.ENOENT, path)
        super().unwatch(path, token)


def test_a_driver_domain_serves_a_guest_and_sees_its_end() -> None:
    with fake_xen() as xen:
        guest = xen.create()
        store = _DriverDomainStore(xen.tree)
        connection = Connection(store, Device(VDISPL, guest.domid, 0), [])
        connection.open()
        assert connection.look() is Step.CONNECT
        connection.connected()
        assert connection.look() is Step.WAIT
        xen.destroy(guest, keep_backend=False)
        assert connection.look() is Step.END
        assert connection.ended is Ended.DETACHED
        connection.close()
        store.close()


_ACTIONS = st.one_of(
    st.tuples(st.just("front"), st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "rubbish"])),
    st.tuples(st.just("back"), st.sampled_from(["1", "2", "4", "5", "6", "rubbish"])),
    st.tuples(st.just("online"), st.sampled_from(["0", "1", ""])),
    st.tuples(st.just("claim"), st.sampled_from(["1 1", "2 2", ""])),
    st.tuples(st.just("remove"), st.sampled_from(["front", "back", "domain"])),
)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(_ACTIONS, max_size=12))
def test_the_end_is_final_and_makes_no_node_again(keyboard: bool, actions: list[tuple[str, str]]) -> None:
    with fake_xen() as xen:
        guest = xen.create(keyboard=True)
        device = Device(VKBD if keyboard else VDISPL, guest.domid, 0)
        for front in (*guest.displays, guest.keyboard):
            assert front is not None
            front.die()
        store = DirectStore(xen.tree)
        now = 0
        connection = Connection(
            store, device, [("versions", "1")], claim=lambda: "1 1", is_claimed=lambda _: False, now_ns=lambda: now
        )
        connection.open()
        removed: set[str] = set()
        for action, value in actions:
            now += CLOSING_NS
            back = "back" not in removed
            if action == "remove":
                path = {"front": device.frontend, "back": device.backend, "domain": guest.home}[value]
                removed.add(value)
                if xen.tree.exists(path):
                    xen.tree.remove(path)
            elif action == "front" and not removed & {"front", "domain"}:
                xen.tree.write(f"{device.frontend}/state", value)
            elif action != "front" and back:
                name = {"back": "state", "claim": "mdevview"}.get(action, action)
                xen.tree.write(f"{device.backend}/{name}", value)
            step = connection.look()
            if step is Step.CONNECT:
                connection.connected()
            elif step is Step.DISCONNECT:
                connection.disconnected()
            assert (connection.ended is not None) is (step is Step.END)
            if "domain" in removed:
                assert step is Step.END
        ended = connection.ended
        before = {path: xen.tree.get(path, "") for path in xen.tree.below(device.backend)}
        connection.close()
        connection.close()
        store.close()
        assert xen.tree.exists(device.backend) is ("back" not in removed)
        assert xen.tree.exists(guest.home) is ("domain" not in removed)
        if ended is Ended.TAKEN_OVER:
            assert before == {path: xen.tree.get(path, "") for path in xen.tree.below(device.backend)}
