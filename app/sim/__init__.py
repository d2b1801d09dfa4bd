"""Simulated devices behind the device seam, with the quirks and faults of each driver."""
