"""A simulated guest in a process of its own, on a core of its own where there is one."""
