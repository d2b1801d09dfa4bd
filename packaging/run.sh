#!/bin/sh
# Starts mdevview from this checkout with the given arguments. The first start sets up what is missing: system
# packages (Debian, Ubuntu), a virtual environment in .venv, the Python packages of packaging/lock. Later starts check
# that with one stat.
#
#   sh packaging/run.sh --install     installs mdevview for the user who runs this: see packaging/install.sh
#   sh packaging/run.sh --uninstall   removes what --install has installed

self=$(readlink -f -- "$0")
root=${self%/packaging/run.sh}
case ${1:-} in
    --install)
        shift
        . "$root/packaging/lib.sh"
        . "$root/packaging/install.sh"
        install_for_user "$@"
        exit
        ;;
    --uninstall)
        shift
        exec sh "$root/packaging/uninstall.sh" "$@"
        ;;
esac
venv=$root/.venv

# Changes if the interpreter, the project's dependencies or the installed system packages change.
state() {
    stat -L -c '%n %i %s %Y' "$venv/bin/python" "$root/pyproject.toml" "$root"/packaging/lock/*.txt \
        /var/lib/dpkg/status 2>/dev/null
}
ready() { [ -f "$venv/mdevview.ready" ] && [ "$(cat "$venv/mdevview.ready")" = "$(state)" ]; }

if [ -n "${SUDO_UID:-}${PKEXEC_UID:-}${DOAS_USER:-}" ]; then
    . "$root/packaging/lib.sh"
    check_root
fi
if ! ready && ! [ -w "$root" ]; then
    # The checkout belongs to another user, or is on a read-only disk.
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/mdevview/venv-$(printf %s "$root" | cksum | cut -d ' ' -f 1)
fi
if ! ready; then
    . "$root/packaging/lib.sh"
    { mkdir -p "${venv%/*}" && [ -w "${venv%/*}" ]; } 2>/dev/null ||
        die "neither $root nor ${venv%/*} can be written to: set XDG_CACHE_HOME to a folder of yours, then run this again"
    [ -n "${SUDO_UID:-}${PKEXEC_UID:-}${DOAS_USER:-}" ] || check_root
    find_python
    lock
    if on_debian; then
        install_packages "$(runtime_needs | missing)"
    else
        say 'this is neither Debian nor Ubuntu; install these packages, whose names may differ here:'
        runtime_needs | sed 's/^/    /' >&2
    fi
    make_venv
    install_project run
    state >"$venv/mdevview.ready"
    unlock
fi
exec "$venv/bin/mdevview" "$@"
