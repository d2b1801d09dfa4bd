#!/bin/sh
# Runs in dom0 as root: dom0.sh FOLDER. Starts Xen's daemons and the guests, then runs FOLDER/command.
# Its exit status goes into FOLDER/status.
folder=$1
exec >"$folder/guest.txt" 2>&1 </dev/null
cut -d' ' -f1 /proc/uptime >"$folder/reached"

finish() {
    dmesg >"$folder/dmesg.txt"
    echo "$1" >"$folder/status"
    exit "$1"
}

# PATH, LD_LIBRARY_PATH and the like.
# shellcheck disable=SC1091
. "$folder/environment"
export HOME=/tmp/home XDG_RUNTIME_DIR=/tmp/runtime
mkdir -p $HOME $XDG_RUNTIME_DIR && chmod 700 $XDG_RUNTIME_DIR
ip link set lo up
modprobe -a xen-gntdev xen-gntalloc xen-evtchn xen-privcmd xenfs || finish 92
# xenstored keeps it busy, so this is the time to replace it.
python -m tests.lab.xen.inside.dmabuf_errors >"$folder/stock-gntdev"
{ rmmod xen-gntdev && insmod "$LAB_GNTDEV"; } || finish 96
mount -t xenfs xenfs /proc/xen
mkdir -p /run/xen /run/xenstored /var/lib/xen /var/lib/xenstored /var/log/xen /run/lock
xenstored --internal-db || finish 93
xen-init-dom0 || finish 94
xenconsoled --log=guest --log-dir="$folder" || finish 95
cut -d' ' -f1 /proc/uptime >"$folder/ready"
# xl waits 10 s until a backend has taken the devices. The tests' viewers come later, so this stands in for one.
(
    backend=/local/domain/0/backend
    keyboard=$backend/vinput/1/0
    until xenstore-exists $keyboard/state; do sleep 0.1; done
    xenstore-write $keyboard/feature-abs-pointer 1 $keyboard/state 2
    for domid in 1 2; do
        display=$backend/vdispl/$domid/0
        until xenstore-exists $display/state; do sleep 0.1; done
        xenstore-write $display/versions 1 $display/state 2
    done
) &
for guest in pv pvh; do
    xl create "$folder/$guest.cfg" && cut -d' ' -f1 /proc/uptime >"$folder/created-$guest"
done &
sh "$folder/command"
finish $?
