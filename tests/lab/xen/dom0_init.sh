#!/bin/busybox sh
# shellcheck shell=dash
# The init of dom0's initramfs: the host's root with a writable layer, then dom0.sh in there.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module"; done
$b mkdir -p /host /xen /out /upper /root
share() { $b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,access=any,$3" "$1" "$2"; }
share root /host ro,cache=loose || $b poweroff -f
share xen /xen ro,cache=loose || $b poweroff -f
share out /out rw || $b poweroff -f
$b mount -t tmpfs -o size=256M upper /upper
$b mkdir /upper/work /upper/files
$b mount -t overlay -o lowerdir=/xen:/host,upperdir=/upper/files,workdir=/upper/work overlay /root || $b poweroff -f
folder=$($b cat /out/folder)
repository=$($b cat /out/repository)
$b mkdir -p "/root$folder" /dev/pts /dev/shm
$b mount -t devpts devpts /dev/pts
$b mount -t tmpfs shm /dev/shm
for place in /proc /sys /dev; do $b mount --rbind $place /root$place; done
$b mount -t tmpfs run /root/run
$b mkdir -p "/root$folder"
$b mount --bind /out "/root$folder"
$b chroot /root /bin/sh "$repository/tests/lab/xen/dom0.sh" "$folder"
$b sync
$b poweroff -f
