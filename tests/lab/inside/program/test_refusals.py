"""Devices that cannot be opened: the error names the process or the file, and what to do."""

import os
import uuid
from pathlib import Path

from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.program import command
from tests.lab.inside.rawvfio import Mdpy


def test_busy_device_names_its_holder(create: Create, tmp_path: Path, fact: Fact) -> None:
    """The group is open and the device is not, as with a VM that starts."""
    name = create("mdpy", "vga")
    group = os.open(f"/dev/vfio/{mdev.group(name)}", os.O_RDWR)
    try:
        done = command.run("screenshot", name, "-o", str(tmp_path / "shot.png"))
    finally:
        os.close(group)
    assert (done.status, done.out, list(tmp_path.iterdir())) == (1, "", [])
    (line,) = done.err.splitlines()
    assert f"{name} is in use by {_own_name()} {os.getpid()}" in line
    fact("busy", line.replace(name, "UUID"))


def _own_name() -> str:
    return Path("/proc/self/comm").read_text().strip()


def test_unprivileged_user_is_told_the_file_and_its_group(create: Create, fact: Fact) -> None:
    name = create("mdpy", "vga")
    done = command.run("inspect", name, prefix=command.as_nobody())
    assert (done.status, done.out) == (4, "")
    (line,) = done.err.splitlines()
    assert f"permission denied: /dev/vfio/{mdev.group(name)} (root:root 0600)" in line
    assert "udev rule" in line
    fact("nobody is made by", " ".join(command.as_nobody()))
    fact("nobody", line.replace(name, "UUID"))


def test_unprivileged_user_may_list(create: Create) -> None:
    name = create("mdpy", "vga")
    (listed,) = command.run("list", "--json", prefix=command.as_nobody()).json()["vgpus"]
    assert (listed["name"], listed["type"], listed["driver"]) == (name, "mdpy-vga", "mdpy")


def test_unknown_uuid_is_no_such_device(create: Create, fact: Fact) -> None:
    name, unknown = create("mdpy", "vga"), str(uuid.uuid4())
    done = command.run_here("inspect", unknown)
    assert (done.status, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert unknown in line
    assert name in line, "what there is"
    fact("unknown UUID", line.replace(name, "UUID"))


def test_list_tells_what_there_is_and_who_has_it(create: Create, fact: Fact) -> None:
    """This kernel has no iommufd: every device is opened through its group."""
    made = {create(driver, kind): (driver, kind) for driver, kind in (("mbochs", "small"), ("mdpy", "hd"))}
    taken = list(made)[1]
    with Mdpy.open(taken) as device:
        done = command.run("list", "--json")
        holder = {"pid": os.getpid(), "process": _own_name(), "vm": None, "vm_id": None}
        holder |= {"fd": device.fd, "way": "group"}
        holder |= {"uid": 0, "user": "root"}
    listed = done.json()["vgpus"]
    assert {each["name"] for each in listed} == set(made)
    for each in listed:
        driver, kind = made[each["name"]]
        assert (each["type"], each["parent"], each["driver"]) == (f"{driver}-{kind}", driver, driver)
        assert each["iommu_group"] == int(mdev.group(each["name"]))
        assert each["display"] == {"mbochs": "dmabuf", "mdpy": "region"}[driver]
        use = ("in-use", [holder]) if each["name"] == taken else ("free", [])
        assert (each["state"], each["holders"]) == use
    assert not Path("/dev/iommu").exists()
    assert not Path("/dev/vfio/devices").exists()
    fact("iommufd and cdevs", "none in this kernel: every device was opened by its group")
    fact("list --json of two devices, start to end", f"{done.seconds:.1f} s")
