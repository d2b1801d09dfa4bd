"""The kernel's tracing, to see what another process does with a vGPU."""
