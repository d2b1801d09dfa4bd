"""Simulated devices behind the device seam, with the special behaviour and the faults of each driver."""
