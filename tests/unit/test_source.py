"""How often a source lets its driver be asked for a buffer: a mistake here corrupts the kernel of the host."""

from pathlib import Path

import pytest

from app.device.paths import Paths
from app.device.vgpu import Vgpu
from app.fetching import rule_of, rule_of_unknown
from app.planes.buffer_cache import FetchRule
from tests.unit.scripted import ScriptedDevice
from tests.unit.test_info import RegionDevice


@pytest.mark.parametrize(
    ("driver", "module", "rule"),
    [
        ("mbochs", "mbochs", FetchRule.ONCE),
        ("mbochs", "mbochs_rw", FetchRule.FREELY),
        # sysfs does not tell: better too careful.
        ("mbochs", None, FetchRule.ONCE),
        ("intel_vgpu_mdev", "kvmgt", FetchRule.FREELY),
        (None, None, FetchRule.FREELY),
    ],
)
def test_the_rule_follows_the_module_else_the_driver(driver: str | None, module: str | None, rule: FetchRule) -> None:
    assert rule_of(Vgpu("one", driver=driver, module=module)) is rule


class ConfigDevice(RegionDevice):
    """Its configuration space holds these bytes."""

    identity = b""

    def pread(self, length: int, offset: int) -> bytes:
        return self.identity[:length]


@pytest.mark.parametrize(
    ("identity", "rule"),
    [
        (bytes.fromhex("34121111"), FetchRule.NEVER),
        (bytes.fromhex("86801219"), FetchRule.FREELY),
        (b"", FetchRule.NEVER),
        (bytes.fromhex("8680"), FetchRule.NEVER),
    ],
)
def test_an_unknown_device_is_asked_only_when_it_is_surely_not_mbochs(
    identity: bytes, rule: FetchRule, tmp_path: Path
) -> None:
    paths = Paths(sys=tmp_path)
    (tmp_path / "module/mbochs").mkdir(parents=True)
    device = ConfigDevice()
    device.identity = identity
    assert rule_of_unknown(device, paths) is rule


def test_without_the_module_a_device_is_not_even_asked_what_it_is(tmp_path: Path) -> None:
    assert rule_of_unknown(ScriptedDevice(), Paths(sys=tmp_path)) is FetchRule.FREELY
