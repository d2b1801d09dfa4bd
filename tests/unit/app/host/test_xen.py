"""Which domain of Xen this is, from the files of its kernel."""

import gzip
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.host.modules import ModuleState
from app.host.xen import KernelOption, kernel_option, xen_host
from tests.unit.hosts import Host
from tests.unit.known_hosts.xen_dom0 import lay_out

_OPTION = b"CONFIG_XEN_GNTDEV_DMABUF"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_host_without_xen_is_none(host: Host) -> None:
    assert xen_host(host.paths) is None
    (host.paths.sys / "hypervisor").mkdir(parents=True)
    (host.paths.sys / "hypervisor/type").write_text("kvm\n")
    assert xen_host(host.paths) is None


def test_dom0_is_told_from_other_domains(host: Host) -> None:
    lay_out(host)
    found = xen_host(host.paths)
    assert found is not None
    assert (found.is_dom0, found.guest_type, found.version) == (True, "PV", "4.17.7")
    assert dict(found.modules)["xen_gntdev"] is ModuleState.LOADED
    # Without xenfs the UUID tells it.
    (host.paths.proc / "xen/capabilities").unlink()
    again = xen_host(host.paths)
    assert again is not None and again.is_dom0
    (host.paths.sys / "hypervisor/uuid").write_text("9a1f5a3e-0d3c-4e55-9df1-2f0c1f9a7f10\n")
    other = xen_host(host.paths)
    assert other is not None and not other.is_dom0


def test_kernel_of_before_the_types_of_domains_is_no_error(host: Host) -> None:
    lay_out(host)
    (host.paths.sys / "hypervisor/guest_type").unlink()
    (host.paths.sys / "hypervisor/version/minor").unlink()
    found = xen_host(host.paths)
    assert found is not None
    assert (found.guest_type, found.version) == ("", "")


def test_option_is_found_where_distributions_have_the_configuration(host: Host) -> None:
    release = "6.12.1-test"
    assert kernel_option(_OPTION, host.paths, release) == (KernelOption.UNKNOWN, "")
    packed = host.paths.proc / "config.gz"
    packed.write_bytes(gzip.compress(b"CONFIG_A=y\nCONFIG_XEN_GNTDEV_DMABUF=y\n"))
    assert kernel_option(_OPTION, host.paths, release) == (KernelOption.ON, str(packed))
    plain = host.paths.boot / f"config-{release}"
    host.paths.boot.mkdir()
    plain.write_text("CONFIG_A=y\n# CONFIG_XEN_GNTDEV_DMABUF is not set\nCONFIG_XEN_GNTDEV_DMABUF_MORE=y\n")
    assert kernel_option(_OPTION, host.paths, release) == (KernelOption.OFF, str(plain))
    # As where /boot is another file system that is not mounted, or is closed to users.
    plain.write_text("")
    assert kernel_option(_OPTION, host.paths, release)[0] is KernelOption.ON


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.booleans())
def test_any_configuration_is_an_answer(host: Host, data: bytes, packed: bool) -> None:
    (host.paths.proc / "config.gz").write_bytes(gzip.compress(data) if packed else data)
    assert kernel_option(_OPTION, host.paths)[0] in KernelOption


def test_packed_configuration_without_end_costs_a_bounded_amount(host: Host) -> None:
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(b"CONFIG_A=y\n") + b"".join(packer.compress(bytes(1 << 20)) for _ in range(64))
    (host.paths.proc / "config.gz").write_bytes(data + packer.flush())
    assert kernel_option(_OPTION, host.paths, os.uname().release)[0] is KernelOption.OFF
