#!/bin/sh
# Runs in the guest as root: guest.sh FOLDER SECOND_ROOT COMMAND...
# Loads the drivers, then runs COMMAND in a cached mount of the host's file system. Its exit status goes into FOLDER.
folder=$1
second=$2
shift 2
exec >"$folder/guest.txt" 2>&1 </dev/null
cut -d' ' -f1 /proc/uptime >"$folder/reached"

finish() {
    dmesg >"$folder/dmesg.txt"
    echo "$1" >"$folder/status"
    exit "$1"
}

# Without a cache 9p reads each page of a program again at each start: a first picture took 19 s instead of 5 s.
tag=$(tr ' ' '\n' </proc/cmdline | sed -n "s,^virtme_\(initmount[0-9]*\)=/*${second#/}\$,virtme.\1,p")
umount "$second"
root=/run/lab-root
mkdir -p $root
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,access=any,cache=loose "$tag" $root || finish 90
for place in proc sys dev run tmp etc "${folder#/}"; do
    mount --rbind "/$place" "$root/$place" || finish 91
done

modprobe -a mdev vfio_iommu_type1 vfio_pci || finish 92
for module in "$folder"/modules/*.ko; do
    insmod "$module" || finish 93
done

# A home that is writable, and the memory limit that a VM with a VFIO device needs.
export HOME=/tmp/home XDG_RUNTIME_DIR=/tmp/runtime
mkdir -p $HOME $XDG_RUNTIME_DIR && chmod 700 $XDG_RUNTIME_DIR
# dash and bash have it.
# shellcheck disable=SC3045
ulimit -l unlimited
chroot $root "$@"
finish $?
