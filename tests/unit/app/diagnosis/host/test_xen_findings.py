"""What doctor says about Xen."""

import os
from dataclasses import replace

import pytest

from app.attach.helper_installation import HelperInstallation
from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host.xen_findings import xen_findings
from app.host.modules import ModuleState
from app.host.xen import KernelOption, XenHost, xen_host
from tests.unit.app.diagnosis.host.examination import examine
from tests.unit.hosts import Host
from tests.unit.known_hosts.xen_dom0 import lay_out


def _findings(host: Host, xen: XenHost | None = None) -> dict[str, Finding]:
    missing = HelperInstallation(host.paths.sys / "mdevview-getxen", host.paths.sys / "action", owner=os.getuid())
    return {each.key: each for each in xen_findings(host.paths, missing, xen)}


def _read(host: Host) -> XenHost:
    xen = xen_host(host.paths)
    assert xen is not None
    return xen


def test_host_without_xen_hears_nothing_of_it(host: Host) -> None:
    assert not [each for each in examine(host) if "xen" in each.key]
    assert not list(xen_findings(host.paths))


def test_debians_dom0_can_map_and_is_told_what_the_other_ways_lack(host: Host) -> None:
    lay_out(host)
    assert {"xen", "xen-map"} <= {each.key for each in examine(host)}
    found = _findings(host, replace(_read(host), machine="x86_64"))
    assert found["xen"].message.startswith("this is the PV dom0 of a Xen host")
    assert found["xen"].evidence == "Xen 4.17.7"
    assert found["xen-map"].severity is Severity.OK
    assert "the driver refuses it in a PV domain of x86" in found["xen-exp-from-refs"].message
    assert "be-alloc=0 works" in found["xen-imp-to-refs"].message
    assert "CONFIG_XEN_GNTDEV_DMABUF" in found["xen-imp-to-refs"].remedy
    assert Severity.ERROR not in {each.severity for each in found.values()}


def test_user_who_may_not_open_the_files_is_sent_to_the_helper(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(host)
    assert "getxen-helper" not in _findings(host)
    monkeypatch.setattr(os, "access", lambda path, _mode: "xen" not in os.fspath(path))
    found = _findings(host)
    assert "root's helper is asked" in found["xen-files"].message
    assert "controls the host" in found["xen-files"].remedy
    assert found["getxen-helper"].remedy.startswith("sudo sh packaging/helper.sh install")


@pytest.mark.parametrize(
    ("guest_type", "machine", "option", "says"),
    [
        ("PV", "x86_64", KernelOption.ON, "in a PV domain of x86"),
        ("PVH", "x86_64", KernelOption.ON, "Xen refuses it to a PVH domain of x86"),
        ("HVM", "aarch64", KernelOption.OFF, "with this kernel"),
        ("HVM", "aarch64", KernelOption.ON, "without a copy"),
        ("HVM", "aarch64", KernelOption.UNKNOWN, "may become a dma-buf"),
    ],
)
def test_dma_buf_of_a_guests_pages_depends_on_domain_processor_and_kernel(
    host: Host, guest_type: str, machine: str, option: KernelOption, says: str
) -> None:
    lay_out(host)
    xen = replace(_read(host), guest_type=guest_type, machine=machine, gntdev_dmabuf=option)
    assert says in _findings(host, xen)["xen-exp-from-refs"].message


def test_be_alloc_needs_the_option_and_udmabuf(host: Host) -> None:
    lay_out(host, dmabuf=True)
    assert "without" in _findings(host)["xen-imp-to-refs"].message
    (host.paths.dev / "udmabuf").touch()
    assert _findings(host)["xen-imp-to-refs"].severity is Severity.OK
    unknown = replace(_read(host), gntdev_dmabuf=KernelOption.UNKNOWN)
    assert "if the kernel has" in _findings(host, unknown)["xen-imp-to-refs"].message


def test_missing_modules_are_told_with_what_to_do(host: Host) -> None:
    lay_out(host)
    xen = _read(host)
    states = dict.fromkeys(dict(xen.modules), ModuleState.AVAILABLE)
    unloaded = _findings(host, replace(xen, modules=tuple(states.items())))
    assert unloaded["xen-modules"].remedy == "sudo modprobe -a xen_gntdev xen_evtchn"
    states["xen_gntdev"] = ModuleState.ABSENT
    lacking = _findings(host, replace(xen, modules=tuple(states.items())))
    assert "CONFIG_XEN_GNTDEV" in lacking["xen-modules"].remedy
    assert lacking["xen-map"].severity is Severity.INFO


def test_domain_that_is_not_dom0_hears_when_it_can_show_guests(host: Host) -> None:
    lay_out(host, guest_type="PVH", is_dom0=False, dmabuf=None)
    found = _findings(host)
    assert "whose vdispl names it" in found["xen"].message
    assert "is not known" in found["xen-exp-from-refs"].evidence
