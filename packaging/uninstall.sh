#!/bin/sh
# Removes what "sh packaging/run.sh --install" has installed for this user, and nothing else. A copy of this file is in
# the installation, because the checkout may be gone.

say() { printf 'mdevview: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

[ $# = 0 ] || die '--uninstall takes no argument'
# Root would remove what a file of the user names.
[ -z "${SUDO_UID:-}${PKEXEC_UID:-}${DOAS_USER:-}" ] ||
    die '--uninstall is for the user who has installed mdevview: run it without sudo'
self=$(readlink -f -- "$0")
prefix=${self%/*}
if ! [ -f "$prefix/installed" ]; then
    case ${XDG_DATA_HOME:-} in /*) prefix=${XDG_DATA_HOME%/}/mdevview ;; *) prefix=${HOME:?}/.local/share/mdevview ;; esac
fi
[ -f "$prefix/installed" ] || { say "nothing is installed in $prefix"; exit 0; }
[ ! -L "$prefix" ] || die "$prefix is a symbolic link: remove it"
case $prefix in /*/mdevview) ;; *) die "$prefix is no installation" ;; esac

# Nothing is installed or removed here meanwhile.
exec 9<"$prefix/installed"
flock 9
# A home folder may be a link: then the links name it otherwise than the path of this file.
real=$(readlink -f -- "$prefix")
# Read before it is removed.
links=$(sed -n 's/^link //p' "$prefix/installed")
folders=$(sed -n 's/^folder //p' "$prefix/installed" | sort -r)
printf '%s\n' "$links" | while read -r file; do
    case $(readlink -m -- "$file") in
        "$real"/*) rm -f -- "$file" ;;
        *) [ ! -e "$file" ] || say "$file is not the link that was installed, and stays" ;;
    esac
done
rm -rf -- "$prefix/venv" "$prefix/share" "$prefix/installed" "$prefix/uninstall.sh"
# Folders that others use now stay.
printf '%s\n' "$prefix" "$folders" | while read -r folder; do
    [ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty -- "$folder"
done
say "removed $prefix; settings in ~/.config/mdevview and the cache in ~/.cache/mdevview stay"
