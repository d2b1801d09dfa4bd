"""The kernel lab: the real mbochs and mdpy drivers in a virtual machine, and device tests that run there.

``python -m tests.lab`` finds an installed Debian kernel, builds the sample drivers against it, boots it with this
machine's file system as its root and runs ``tests/lab/inside`` with pytest. No GPU, no KVM and no loaded vfio module
is needed on the machine itself, and nothing is written outside the work folder (``.lab/``).
"""
