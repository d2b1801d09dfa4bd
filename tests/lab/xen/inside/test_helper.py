"""The helper that opens the files of Xen, and what doctor says, in a real dom0."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from app.attach import helper_answer
from app.attach.xen_files import FILES, accept_files
from app.diagnosis.finding import Severity
from app.diagnosis.host.xen_findings import xen_findings
from app.host.xen import KernelOption, xen_host
from app.xen.access.nodes import xen_host_of
from tests.lab.xen.inside.guest import Guest

# GNTTAB_RESERVED_CONSOLE (xen/include/public/grant_table.h): the page of a guest's console.
_CONSOLE = 0
_HELPER = Path(__file__).parents[4] / "packaging/helper/mdevview-getxen"


def test_its_three_files_open_xen_for_another_process(pv: Guest) -> None:
    """The helper has ended when they are used: gntdev and xenbus belong to no process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            command = [sys.executable, "-ISB", str(_HELPER)]
            ran = subprocess.run(command, stdin=theirs.fileno(), env={"SUDO_UID": str(os.getuid())}, check=False)
        assert ran.returncode == 0
        message, fds, flags = helper_answer.receive_answer(ours)
    files = accept_files(message, fds, flags)
    assert [Path(f"/proc/self/fd/{each}").readlink() for each in files] == [Path("/dev/xen") / each for each in FILES]
    host = xen_host_of(*files)
    try:
        assert host.store.read(f"/local/domain/{pv.domid}/name") == pv.name
        assert host.events.pending() == ()
        # By this a be-alloc=1 of the toolstack is told from one that the guest wrote.
        assert host.store.owner(f"/local/domain/{pv.domid}/device/vdispl/0/be-alloc") == 0
        assert host.store.owner(f"/local/domain/{pv.domid}/device/vdispl/0/state") == pv.domid
        mapping = host.grants.map(pv.domid, [_CONSOLE])
        try:
            assert len(bytes(mapping.memory)) == 4096  # reads all of it
        finally:
            mapping.release()
    finally:
        host.close()


def test_doctor_knows_debians_dom0() -> None:
    host = xen_host()
    assert host is not None
    assert (host.is_dom0, host.guest_type) == (True, "PV")
    assert host.version.startswith("4.")
    assert host.gntdev_dmabuf is not KernelOption.ON
    findings = {each.key: each for each in xen_findings()}
    assert findings["xen"].severity is findings["xen-modules"].severity is findings["xen-map"].severity is Severity.OK
    assert findings["xen-files"].severity is Severity.OK
    assert "in a PV domain of x86" in findings["xen-exp-from-refs"].message
