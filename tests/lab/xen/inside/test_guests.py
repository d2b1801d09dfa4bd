"""The guests come up."""

from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest


def test_pv_guest_runs_its_program(pv: Guest, fact: Fact) -> None:
    pv.wait_ready()
    fact("uptime of the PV guest at its program, s", pv.uptime)
