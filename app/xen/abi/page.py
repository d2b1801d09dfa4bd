"""Sizes that hold on every Xen host: grants, rings and directories count in 4 KiB pages (``include/xen/page.h``)."""

XEN_PAGE_SHIFT = 12
XEN_PAGE_SIZE = 1 << XEN_PAGE_SHIFT
