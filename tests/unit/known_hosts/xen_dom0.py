"""The PV dom0 of a Xen host with Debian's kernel: the files in /dev/xen are root's, and no guest has a vGPU."""

import os

from tests.unit.hosts import Host


def lay_out(host: Host, *, guest_type: str = "PV", is_dom0: bool = True, dmabuf: bool | None = False) -> None:
    """``dmabuf`` is CONFIG_XEN_GNTDEV_DMABUF; None: the host has no configuration of its kernel."""
    hypervisor = host.paths.sys / "hypervisor"
    (hypervisor / "version").mkdir(parents=True)
    uuid = "00000000-0000-0000-0000-000000000000" if is_dom0 else "9a1f5a3e-0d3c-4e55-9df1-2f0c1f9a7f10"
    for name, text in (
        ("type", "xen"),
        ("guest_type", guest_type),
        ("uuid", uuid),
        ("version/major", "4"),
        ("version/minor", "17"),
        ("version/extra", ".7"),
    ):
        (hypervisor / name).write_text(f"{text}\n")
    (host.paths.proc / "xen").mkdir()
    (host.paths.proc / "xen/capabilities").write_text("control_d\n" if is_dom0 else "")
    for name in ("xen_gntdev", "xen_evtchn", "xen_gntalloc"):
        (host.paths.sys / "module" / name).mkdir(parents=True)
    nodes = host.paths.dev / "xen"
    nodes.mkdir()
    for name in ("gntdev", "evtchn", "xenbus", "gntalloc", "privcmd"):
        (nodes / name).touch(0o600)
    if dmabuf is not None:
        host.paths.boot.mkdir()
        option = "CONFIG_XEN_GNTDEV_DMABUF=y" if dmabuf else "# CONFIG_XEN_GNTDEV_DMABUF is not set"
        (host.paths.boot / f"config-{os.uname().release}").write_text(f"CONFIG_XEN=y\nCONFIG_XEN_GNTDEV=m\n{option}\n")
