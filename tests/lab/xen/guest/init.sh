#!/bin/busybox sh
# shellcheck shell=dash
# The init of a guest.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module"; done
PYTHON -I -S -c 'import sys; sys.path.insert(0, "/"); from tests.lab.xen.guest import agent; agent.main()'
$b poweroff -f
