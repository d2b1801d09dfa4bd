"""Saves what the device of a process shows, without any code of mdevview: ``PID FD FILE``.

It duplicates the device fd, queries the primary plane, fetches its buffer and maps it. The picture is saved as a numpy
file. With mbochs as shipped only one process may do this, once in the life of the device: see tests/lab/edits.py.
"""

import sys
from contextlib import closing

import numpy as np

from tests.lab.inside.rawvfio import XR24, Mbochs, fd_of, map_dmabuf


def main(pid: int, fd: int, file: str) -> None:
    with closing(Mbochs(fd_of(pid, fd))) as device:
        plane = device.query()
        assert plane.fourcc == XR24, plane
        np.save(file, map_dmabuf(device.get_dmabuf(plane.index), plane))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
