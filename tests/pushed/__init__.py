"""A second frame source, of memory that is pushed: what proves that nothing but a VFIO package knows VFIO."""
