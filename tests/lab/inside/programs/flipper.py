"""Flips between two buffers of an mbochs vGPU, and tells when. It has no code of mdevview or of the other tests.

``python -ISB flipper.py WIDTH HEIGHT COUNT MILLISECONDS UUID`` opens the vGPU through its group, ``... PID FD``
duplicates it from a process. Prints ``ready`` when the mode is set, waits for a line, flips COUNT times with
pauses around MILLISECONDS, and prints two times for each flip: CLOCK_MONOTONIC before and after the write of the
panning register, in nanoseconds. It ends at the end of its standard input.

The numbers are those of include/uapi/linux/vfio.h. The registers of a Bochs display (VBE_DISPI_INDEX_*) are in BAR2 at
0x500, and BAR2 is at 0x1000 of the device (samples/vfio-mdev/mbochs.c).
"""

import ctypes
import fcntl
import os
import random
import struct
import sys
import time
from pathlib import Path

SET_IOMMU, SET_CONTAINER, GET_DEVICE_FD = 0x3B66, 0x3B68, 0x3B6A
TYPE1V2 = 3
REGISTERS = 0x1500
XRES, YRES, BPP, ENABLE, VIRT_WIDTH, X_OFFSET, Y_OFFSET = 1, 2, 3, 4, 6, 8, 9
PIDFD_GETFD = 438


def open_vgpu(uuid: str) -> int:
    group_name = Path(f"/sys/bus/mdev/devices/{uuid}/iommu_group").resolve().name
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open(f"/dev/vfio/{group_name}", os.O_RDWR)
    fcntl.ioctl(group, SET_CONTAINER, struct.pack("i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1V2)
    return int(fcntl.ioctl(group, GET_DEVICE_FD, bytearray(uuid.encode() + b"\0")))


def duplicate(pid: int, fd: int) -> int:
    own = int(ctypes.CDLL(None).syscall(PIDFD_GETFD, os.pidfd_open(pid), fd, 0))
    if own < 0:
        raise SystemExit("pidfd_getfd failed")
    return own


def write(device: int, register: int, value: int) -> None:
    os.pwrite(device, struct.pack("<H", value), REGISTERS + 2 * register)


def main(width: int, height: int, count: int, pause_ms: int, *where: str) -> None:
    device = open_vgpu(where[0]) if len(where) == 1 else duplicate(int(where[0]), int(where[1]))
    write(device, ENABLE, 0)
    for register, value in ((XRES, width), (YRES, height), (BPP, 32), (VIRT_WIDTH, 0), (X_OFFSET, 0), (Y_OFFSET, 0)):
        write(device, register, value)
    write(device, ENABLE, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    chance = random.Random(1)
    for number in range(1, count + 1):
        # Not in step with any poll.
        time.sleep(pause_ms / 1000 * chance.uniform(0.5, 1.5))
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        write(device, Y_OFFSET, height * (number % 2))
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        print(before, after, flush=True)
    print("done", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    width, height, count, pause_ms = map(int, sys.argv[1:5])
    main(width, height, count, pause_ms, *sys.argv[5:])
