"""Findings about Xen: which domain this is, and what each way to a guest's screen needs. None on a host without Xen."""

import os
from collections.abc import Iterator

from app.attach.helper_installation import XEN_INSTALLED, HelperInstallation, trust_problem
from app.diagnosis.finding import Finding, Severity
from app.host import permissions
from app.host.modules import ModuleState
from app.host.paths import HOST, Paths
from app.host.xen import NODES, KernelOption, XenHost, xen_host
from app.xen.references.refusal import why_never

_NEEDED = ("xen_gntdev", "xen_evtchn")
_ANSWERS = {
    KernelOption.ON: "CONFIG_XEN_GNTDEV_DMABUF is on",
    KernelOption.OFF: "CONFIG_XEN_GNTDEV_DMABUF is off",
    KernelOption.UNKNOWN: "whether CONFIG_XEN_GNTDEV_DMABUF is on is not known",
}
_WITH_OPTION = "run a kernel with CONFIG_XEN_GRANT_DMA_ALLOC and CONFIG_XEN_GNTDEV_DMABUF"


def xen_findings(
    paths: Paths = HOST, installation: HelperInstallation = XEN_INSTALLED, host: XenHost | None = None
) -> Iterator[Finding]:
    """``host`` is read from ``paths`` if it is not given."""
    host = host or xen_host(paths)
    if host is None:
        return
    yield _domain(host)
    yield _modules(host)
    closed = [each for each in NODES if not os.access(paths.dev / "xen" / each, os.R_OK | os.W_OK)]
    yield _nodes(paths, closed)
    if closed:
        yield _helper(installation)
    yield _map(host)
    yield _export(host)
    yield _grant(host, paths)


def _domain(host: XenHost) -> Finding:
    kind = f"{host.guest_type} " if host.guest_type else ""
    version = f"Xen {host.version}" if host.version else ""
    if host.is_dom0:
        return Finding(
            "xen", Severity.OK, f"this is the {kind}dom0 of a Xen host: it can show guests with a vdispl", version
        )
    return Finding(
        "xen",
        Severity.INFO,
        f"this is a {kind}domain of Xen and not dom0: it can show guests whose vdispl names it as the backend",
        version,
        "a driver domain is named so in a guest's configuration: vdispl=['backend=NAME,...']",
    )


def _modules(host: XenHost) -> Finding:
    evidence = ", ".join(f"{name}: {state.value}" for name, state in host.modules)
    states = dict(host.modules)
    missing = [each for each in _NEEDED if states[each] is ModuleState.ABSENT]
    unloaded = [each for each in _NEEDED if states[each] is ModuleState.AVAILABLE]
    if missing:
        return Finding(
            "xen-modules",
            Severity.WARNING,
            f"this kernel lacks {' and '.join(missing)}: no guest of Xen can be shown",
            evidence,
            "run a kernel with CONFIG_XEN_GNTDEV and CONFIG_XEN_DEV_EVTCHN",
        )
    if unloaded:
        return Finding(
            "xen-modules",
            Severity.WARNING if host.is_dom0 else Severity.INFO,
            "drivers of Xen are not loaded: no guest can be shown until they are",
            evidence,
            f"sudo modprobe -a {' '.join(unloaded)}",
        )
    return Finding("xen-modules", Severity.OK, "the drivers of Xen are there", evidence)


def _nodes(paths: Paths, closed: list[str]) -> Finding:
    folder = paths.dev / "xen"
    evidence = ", ".join(
        f"{each} {permissions.owner_and_mode(folder / each)}" if permissions.exists(folder / each) else f"no {each}"
        for each in NODES
    )
    if not closed:
        return Finding("xen-files", Severity.OK, f"the files in {folder} can be opened", evidence)
    return Finding(
        "xen-files",
        Severity.INFO,
        f"you may not open {', '.join(closed)} in {folder}: root's helper is asked for them",
        evidence,
        "do not give a group access to them: in dom0 who has them controls the host and all of its guests",
    )


def _helper(installation: HelperInstallation) -> Finding:
    key = "getxen-helper"
    try:
        fault = trust_problem(installation.helper, installation.owner)
    except FileNotFoundError:
        message = "no helper for Xen is installed: only root can show guests of Xen"
        return Finding(key, Severity.INFO, message, f"no {installation.helper}", installation.install)
    except OSError as error:
        fault = f"{installation.helper}: {error.strerror}"
    if fault is not None:
        message = "the helper for Xen must not be run as root"
        return Finding(key, Severity.ERROR, message, fault, f"install it again: {installation.install}")
    evidence = f"{installation.helper} {permissions.owner_and_mode(installation.helper)}"
    return Finding(key, Severity.OK, "the helper that opens the files of Xen is installed", evidence)


def _map(host: XenHost) -> Finding:
    state = dict(host.modules)["xen_gntdev"]
    if state is ModuleState.ABSENT:
        return Finding(
            "xen-map", Severity.INFO, "pages of guests cannot be mapped: there is no xen_gntdev", state.value
        )
    return Finding(
        "xen-map",
        Severity.OK,
        "pages of guests can be mapped and uploaded: displays with be-alloc=0, and refs=",
        "xen_gntdev is enough",
    )


def _export(host: XenHost) -> Finding:
    """EXP_FROM_REFS, by which the kernel makes a dma-buf of a guest's pages."""
    key = "xen-exp-from-refs"
    option = _option(host)
    never = why_never(host)
    if never:
        message = f"refs= cannot become a dma-buf here, so they are uploaded: {never}"
        return Finding(key, Severity.INFO, message, option)
    if host.gntdev_dmabuf is KernelOption.OFF:
        message = "refs= cannot become a dma-buf with this kernel, so they are uploaded"
        return Finding(key, Severity.INFO, message, option, _WITH_OPTION)
    return Finding(key, Severity.OK, "refs= may become a dma-buf, which is shown without a copy", option)


def _grant(host: XenHost, paths: Paths) -> Finding:
    """IMP_TO_REFS, by which a guest draws into a dma-buf of this domain."""
    key = "xen-imp-to-refs"
    node = paths.dev / "udmabuf"
    mode = f"{node} {permissions.owner_and_mode(node)}" if node.exists() else f"no {node}"
    evidence = f"{_option(host)}; {mode}"
    guests = "guests of PVH or HVM type with be-alloc=1"
    if host.gntdev_dmabuf is KernelOption.OFF:
        message = f"{guests} cannot be shown with this kernel; be-alloc=0 works"
        return Finding(key, Severity.INFO, message, evidence, _WITH_OPTION)
    if not node.exists():
        remedy = "run a kernel with CONFIG_UDMABUF"
        message = f"without {node}, {guests} need a GPU of this host that exports dumb buffers"
        return Finding(key, Severity.INFO, message, evidence, remedy)
    if not os.access(node, os.R_OK | os.W_OK):
        remedy = permissions.remedy(node)
        message = f"you may not open {node}, so {guests} need a GPU of this host that exports dumb buffers"
        return Finding(key, Severity.INFO, message, evidence, remedy)
    if host.gntdev_dmabuf is KernelOption.UNKNOWN:
        message = f"{guests} can be shown if the kernel has CONFIG_XEN_GNTDEV_DMABUF"
        return Finding(key, Severity.INFO, message, evidence)
    message = f"{guests} draw into memory of this domain, which is shown without a copy"
    return Finding(key, Severity.OK, message, evidence, "use be-alloc=1 only for guests that you trust")


def _option(host: XenHost) -> str:
    return _ANSWERS[host.gntdev_dmabuf] + (f" ({host.config})" if host.config else "")
