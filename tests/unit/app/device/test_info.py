"""Device and region info: the two calls for a capability chain, and broken chains."""

from hypothesis import given
from hypothesis import strategies as st

from app.abi import vfio
from app.device.info import RegionInfo, SparseArea, region_info
from tests.unit.app.device.region_device import HEAD, RegionDevice, sparse_capability, type_capability


def test_capabilities_are_read_on_the_second_call() -> None:
    first = type_capability(1, 1, following=HEAD + 16)
    device = RegionDevice(chain=first + sparse_capability((0, 4096), (8192, 4096)))
    info = region_info(device, 9)
    assert info == RegionInfo(
        9,
        vfio.VFIO_REGION_INFO_FLAG_MMAP | vfio.VFIO_REGION_INFO_FLAG_CAPS,
        8192,
        9 << 40,
        (SparseArea(0, 4096), SparseArea(8192, 4096)),
        (1, 1),
    )


def test_the_first_question_is_one_that_mbochs_accepts() -> None:
    """Up to Linux 6.12 mbochs answers EINVAL to an argsz outside 32..48."""
    device = RegionDevice(refused_argsz=range(33, 1 << 16))
    assert region_info(device, 0).mappable


@given(st.binary(min_size=8, max_size=200), st.integers(0, 400))
def test_a_broken_chain_is_survived(chain: bytes, offset: int) -> None:
    region_info(RegionDevice(chain=chain, offset=offset), 9)


def test_a_chain_that_points_at_itself_ends() -> None:
    device = RegionDevice(chain=type_capability(1, 1, following=HEAD))
    assert region_info(device, 9).type == (1, 1)


def test_a_count_beyond_the_answer_is_cut() -> None:
    device = RegionDevice(chain=sparse_capability((0, 4096), count=2**32 - 1))
    assert region_info(device, 9).sparse == (SparseArea(0, 4096),)
