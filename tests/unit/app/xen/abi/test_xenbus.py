"""The words for the states of a device."""

from app.xen.abi import xenbus


def test_a_state_has_the_kernels_word_and_others_are_invalid() -> None:
    assert xenbus.xenbus_strstate(xenbus.XenbusStateConnected) == "Connected"
    assert xenbus.xenbus_strstate(xenbus.XenbusStateReconfigured) == "Reconfigured"
    assert xenbus.xenbus_strstate(9) == xenbus.xenbus_strstate(-1) == "INVALID"
