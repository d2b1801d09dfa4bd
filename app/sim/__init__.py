"""Simulated devices behind the kernel seam, with each driver's manners and faults."""
