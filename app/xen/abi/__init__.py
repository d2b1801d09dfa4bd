"""Xen's device files, xenstore and ring protocols in the names of their headers."""
