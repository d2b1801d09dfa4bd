"""Xen's device files as Python objects: grants, event channels, xenstore."""
