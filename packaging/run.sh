#!/bin/sh
# Starts mdevview from this checkout with the arguments given, after setting up what is missing: system packages
# (Debian, Ubuntu), a virtual environment in .venv, the Python packages. Once that is done, all it costs is a stat.

self=$(readlink -f -- "$0")
root=${self%/packaging/run.sh}
venv=$root/.venv

# Changes when the interpreter, the project's needs or the installed system packages do.
state() { stat -L -c '%n %i %s %Y' "$venv/bin/python" "$root/pyproject.toml" /var/lib/dpkg/status 2>/dev/null; }
ready() { [ -f "$venv/mdevview.ready" ] && [ "$(cat "$venv/mdevview.ready")" = "$(state)" ]; }

if ! ready && ! [ -w "$root" ]; then
    # Somebody else's checkout, or one on a read-only disk.
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/mdevview/venv-$(printf %s "$root" | cksum | cut -d ' ' -f 1)
fi
if ! ready; then
    . "$root/packaging/lib.sh"
    { mkdir -p "${venv%/*}" && [ -w "${venv%/*}" ]; } 2>/dev/null ||
        die "neither $root nor ${venv%/*} can be written to: set XDG_CACHE_HOME to a folder of yours, then run this again"
    find_python
    lock
    if on_debian; then
        install_packages "$(runtime_needs | missing)"
    else
        say 'this is neither Debian nor Ubuntu; these packages, or what they are called here, must be there:'
        runtime_needs | sed 's/^/    /' >&2
    fi
    make_venv
    install_project run
    state >"$venv/mdevview.ready"
    unlock
fi
exec "$venv/bin/mdevview" "$@"
