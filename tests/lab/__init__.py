"""The kernel lab: the real mbochs and mdpy drivers in a virtual machine, and device tests that run there.

``python -m tests.lab`` finds an installed Debian kernel, builds the sample drivers against it, boots it with this
machine's file system as its root, and runs ``tests/lab/inside`` in it with pytest. The machine itself needs no GPU, no
KVM and no vfio module. Nothing is written outside the work folder (``.lab/``).
"""
