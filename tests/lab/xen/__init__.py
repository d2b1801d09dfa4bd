"""Real Xen in an emulated machine: ``python -m tests.lab xen``.

One boot. QEMU emulates a machine, Xen runs on it, and the host's file system is dom0's root, read-only. Dom0 runs the
tests of ``inside``; its guests have stock kernels and run ``guest/agent.py``. Nothing is installed: Xen and a QEMU that
can run PVH guests are fetched as packages and unpacked in the work folder.
"""
