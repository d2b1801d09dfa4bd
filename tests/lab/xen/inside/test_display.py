"""The display of a stock PV guest, which allocates its buffers itself."""

from tests.lab.xen.inside import viewer
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest

_FRAMES = 60


def test_every_picture_of_sixty_flips_is_read_back_equal(pv: Guest, fact: Fact) -> None:
    with viewer.viewing(pv.domid) as source:
        job = pv.start("flips", frames=_FRAMES, seed=100)
        viewer.wait_for_picture(source, 100, pv)
        for seed in range(101, 101 + _FRAMES):
            pv.step(job)
            viewer.wait_for_picture(source, seed, pv)
        pv.step(job)
        told = pv.finish(job)
    fact("a stock PV guest's flips", told)
    assert told["longest_s"] < 3.0
