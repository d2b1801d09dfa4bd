#!/bin/sh
# Installs, as root, a helper with which an administrator can permit users to show VMs of other users, or guests of Xen.
# See usage below.

usage() {
    cat <<'END'
usage: sudo sh packaging/helper.sh install | remove | status [xen]

  install  copy the helper, and the polkit action that says who may run it; older ones are replaced:
             /usr/libexec/mdevview-getfd
             /usr/share/polkit-1/actions/io.github.mdevview.getfd.policy
  remove   delete both
  status   say whether both are installed and equal to this checkout's; exit status 0 if they are

With the word xen it does so for the helper that hands over the files of Xen, and its action:
             /usr/libexec/mdevview-getxen
             /usr/share/polkit-1/actions/io.github.mdevview.getxen.policy
It is a helper of its own because it hands over more: in dom0, control of the host and all of its guests.

install takes the files of a checkout only if nobody can write to them but you and root, and prints their SHA-256.

The helpers are short, so that you can read them before you install them: packaging/helper/mdevview-get*. Only root,
and users to whom polkit or sudo permit it, can run them. Nothing is setuid, and no service is started.
END
}

# Root runs no program that the PATH of a user offers.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
self=$(readlink -f -- "$0")
root=${self%/packaging/helper.sh}
. "$root/packaging/lib.sh"
umask 022

helper=/usr/libexec/mdevview-getfd
action=/usr/share/polkit-1/actions/io.github.mdevview.getfd.policy
words=
case $# in
    2)
        [ "$2" = xen ] || { usage >&2 && exit 2; }
        helper=/usr/libexec/mdevview-getxen
        action=/usr/share/polkit-1/actions/io.github.mdevview.getxen.policy
        words=' xen'
        ;;
    1) ;;
    *) usage >&2 && exit 2 ;;
esac

source_of() { printf '%s/packaging/helper/%s' "$root" "${1##*/}"; }

need_root() { [ "$(id -u)" = 0 ] || die "only root can do that: sudo sh packaging/helper.sh $1$words"; }

# check_source FILE: what root installs must come from root or from the user who asked. With a link in its place any file
# of root would become readable for all.
check_source() {
    from=$(source_of "$1")
    { [ -f "$from" ] && [ ! -L "$from" ]; } || die "$from is no regular file"
    for each in "$from" "${from%/*}" "$root/packaging" "$root"; do
        owner=$(stat -c %u "$each") || exit
        case $owner in
            0 | "${SUDO_UID:-${PKEXEC_UID:-$owner}}") ;;
            *) die "$each belongs to $(stat -c %U "$each"), who is neither root nor you: install from a checkout of yours" ;;
        esac
        [ -z "$(find "$each" -maxdepth 0 -perm /002)" ] || die "everybody can write to $each: chmod o-w it, and look at it"
    done
}

# put FILE MODE: write it under another name first, so that nobody runs half of it.
put() {
    mkdir -p "${1%/*}" || die "${1%/*} cannot be made"
    new=$(mktemp "$1.XXXXXX") || die "${1%/*} cannot be written to"
    # Also a link that has just taken the file's place is not followed.
    if dd if="$(source_of "$1")" of="$new" iflag=nofollow status=none && chown 0:0 "$new" && chmod "$2" "$new" && mv -f "$new" "$1"; then
        say "installed $1 (root, mode $2, SHA-256 $(sha256sum <"$1" | cut -c 1-64))"
    else
        rm -f "$new"
        die "$1 could not be written: see above"
    fi
}

# look FILE MODE: say whether the file is installed; fails unless it is equal to this checkout's.
look() {
    if [ ! -e "$1" ]; then say "$1 is not installed"
    elif [ "$(stat -c %u:%a "$1")" != "0:$2" ]; then say "$1 is $(stat -c '%U %a' "$1"), not root $2: install it again"
    elif ! cmp -s "$(source_of "$1")" "$1"; then say "$1 differs from this checkout's"
    else say "$1 is installed" && return
    fi
    return 1
}

case $1 in
    install)
        need_root install
        [ -x /usr/bin/python3 ] || die 'the helper needs /usr/bin/python3: install python3, then run this again'
        check_source "$helper"
        check_source "$action"
        put "$helper" 755
        put "$action" 644
        [ -x /usr/bin/pkexec ] || [ -x /usr/bin/sudo ] ||
            say 'there is neither pkexec nor sudo to start it with: install one (Debian: apt-get install pkexec polkitd)'
        ;;
    remove)
        need_root remove
        rm -f "$helper" "$action" || exit
        say "removed $helper and $action"
        ;;
    status)
        status=0
        look "$helper" 755 || status=1
        look "$action" 644 || status=1
        exit $status
        ;;
    -h | --help) usage ;;
    *) usage >&2 && exit 2 ;;
esac
