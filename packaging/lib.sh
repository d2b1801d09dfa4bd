# Set-up for run.sh and test.sh, which set $root (the checkout) and $venv. POSIX sh.
# All messages go to standard error: standard output is for the program that is started.
# shellcheck shell=sh disable=SC2154

say() { printf 'mdevview: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

on_debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# changeable FOLDER: prints a file or folder, in it or above it, that others than root can change; nothing if none can.
changeable() {
    find "$1" ! -type l \( ! -uid 0 -o -perm /022 \) -print -quit
    folder=$1
    while [ -n "$folder" ]; do
        folder=${folder%/*}
        # In a folder with the sticky bit nobody can replace what another user owns.
        find "${folder:-/}" -maxdepth 0 \( ! -uid 0 -o -perm /022 ! -perm -1000 \) -print
    done
}

# Root must not run what a user's other programs can change. Who is root all the time, as in a container, is only told.
check_root() {
    [ "$(id -u)" = 0 ] || return 0
    found=$(changeable "$root" | head -n 1)
    [ -n "$found" ] || return 0
    if [ -z "${SUDO_UID:-}${PKEXEC_UID:-}${DOAS_USER:-}" ] || [ "${CI:-}" = true ]; then
        say "root runs what others can change here, as $found"
    else
        die "root would run what others can change, as $found: start this as yourself, and it asks where root is needed"
    fi
}

# Sets $python to the first Python that is new enough, and $version ("3.11").
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        version=$("$python" -c 'import sys; v = sys.version_info; print(f"{v[0]}.{v[1]}" if v >= (3, 11) else "")' 2>/dev/null)
        [ -z "$version" ] || return 0
    done
    die 'no Python 3.11 or later was found: install one (Debian 12, Ubuntu 24.04 and later: apt-get install python3), then run this again'
}

# The system packages that the program needs, as lines "why: package package"; "a|b" are two names of one package.
runtime_needs() {
    cat <<'END'
EGL and OpenGL: libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri libgles2 libopengl0 libdrm2
windows under Wayland: libwayland-client0 libwayland-cursor0 libwayland-egl1
windows under X11: libx11-6 libx11-xcb1 libxcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1
windows under X11: libxcb-randr0 libxcb-render0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1
windows under X11: libxcb-util1 libxcb-xfixes0 libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0
what Qt builds on: libdbus-1-3 libfontconfig1 libfreetype6 libglib2.0-0|libglib2.0-0t64 libxkbcommon0
devices coming and going: libudev1
END
    [ -n "$(find -L /usr/share/fonts /usr/local/share/fonts "${HOME:-/}/.local/share/fonts" \
        \( -name '*.[ot]tf' -o -name '*.ttc' \) -print -quit 2>/dev/null)" ] ||
        echo 'a font for the words in the window: fonts-dejavu-core'
    venv_needs
}

# Debian's Python cannot make a virtual environment until this package is there.
venv_needs() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "Python's virtual environments: python$version-venv"
}

# Reads such lines and prints those packages that are not installed.
missing() {
    needs=$(cat)
    # dpkg-query fails if it does not know a name; such a package is not installed.
    # shellcheck disable=SC2046
    have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
        $(printf '%s\n' "$needs" | sed 's/.*: //; s/|/ /g') 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ')
    printf '%s\n' "$needs" | awk -F ': ' -v have="$have" '
        BEGIN { n = split(have, names, " "); for (i = 1; i <= n; i++) installed[names[i]] }
        {
            line = ""
            for (i = split($2, wanted, " "); i > 0; i--) {
                found = 0
                for (j = split(wanted[i], name, "|"); j > 0; j--) if (name[j] in installed) found = 1
                if (!found) line = " " name[1] line
            }
            if (line != "") print $1 ":" line
        }'
}

# install_packages LINES [COMMAND APT_OPTION...]: says what is missing and why, and installs it. Root installs without
# a question; other users are asked whether to use sudo. COMMAND, if it is not empty, runs first.
install_packages() {
    lines=$1 before=${2:-}
    [ $# -lt 2 ] || shift
    shift
    [ -n "$lines" ] || return 0
    say 'these system packages are missing:'
    printf '%s\n' "$lines" | sed 's/^/    /' >&2
    names=$(printf '%s\n' "$lines" | sed 's/.*: //' | tr '\n' ' ')
    install="apt-get install -y --no-install-recommends $*${*:+ }${names% }"
    # The package lists are updated only if the present ones are not sufficient.
    # shellcheck disable=SC2086
    if [ -n "$before" ]; then
        install="$before && $install"
    elif ! apt-get install -s --no-install-recommends "$@" $names >/dev/null 2>&1; then
        install="apt-get update && $install"
    fi
    as_root "$install" || {
        # An old list may name a file that the mirror no longer has.
        case $install in *'apt-get update'*) false ;; *) as_root "apt-get update && $install" ;; esac
    } || die 'apt-get could not install them: see its messages above'
}

# quote TEXT: as one word of a shell's command.
quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# write_command FILE TEXT: a command that writes the text. Root gets what a user's process found as a word, never the
# process that finds it.
write_command() { printf "printf '%%s\\\\n' %s >%s" "$(quote "$2")" "$(quote "$1")"; }

sudo=
as_root() {
    if [ "$(id -u)" != 0 ] && [ -z "$sudo" ]; then
        answer=
        if command -v sudo >/dev/null && [ -t 0 ] && [ -t 2 ]; then
            printf 'mdevview: install them with sudo? [y/N] ' >&2
            read -r answer
        fi
        case $answer in
            [yY]*) sudo=sudo ;;
            *)
                say 'only root can install them; run this as root, then try again:'
                printf '    %s\n' "$1" >&2
                exit 1
                ;;
        esac
    fi
    say 'installing them: this takes a while'
    quiet='apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \1'
    # Root runs nothing of the checkout, and no program that the PATH or the current folder of a user offers.
    # The output of apt-get is shown only if it fails.
    words=$(cd / && $sudo /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        APT_LISTCHANGES_FRONTEND=none sh -c "$(printf '%s' "$1" | sed "s/apt-get \(update\|install\)/$quiet/g")" 2>&1 </dev/null) ||
        { printf '%s\n' "$words" >&2 && return 1; }
}

# Creates the virtual environment again if it is incomplete, was moved, or has no Python any more.
make_venv() {
    grep -qsF "$venv/bin/python" "$venv/bin/pip" &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    # Python would empty the folder that it points to, which may be another checkout's.
    [ ! -L "$venv" ] || die "$venv is a symbolic link to an environment of another place: remove the link"
    "$python" -m venv --clear "$venv" >&2 || die "Python could not make the virtual environment $venv: see its messages above"
    : >"$venv/mdevview.locked"
}

# install_project NAME [copy]: installs what packaging/lock/NAME.txt names, and the project, unless the stamp NAME is
# current. With "copy" the environment gets a copy of the project, again after each change of it, else it refers to $root.
# pip refuses a package that is not named there, and a file that has none of the hashes there. What has to be built is
# built with the backends of build.txt: pip by itself would fetch a backend without a check.
install_project() {
    lock=packaging/lock/$1.txt stamp=$venv/mdevview-$1.stamp
    project=-e trees=
    [ -z "${2:-}" ] || { project=--force-reinstall trees='app gl ui packaging'; }
    # shellcheck disable=SC2086
    key=$("$venv/bin/python" -I -c 'import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
files = [root / "pyproject.toml", *sorted((root / "packaging/lock").glob("*.txt"))]
files += sorted(each for tree in sys.argv[2:] for each in (root / tree).rglob("*") if each.is_file() and each.suffix != ".pyc")
print(sys.version, hashlib.sha256(b"".join(bytes(each.relative_to(root)) + each.read_bytes() for each in files)).hexdigest())' "$root" $trees)
    [ "$(cat "$stamp" 2>/dev/null)" = "$key" ] && return
    say "installing into $venv the Python packages that $lock names (some 100 MB the first time)"
    rm -f "$stamp"
    # What an older checkout installed was not checked.
    replace=
    [ -f "$venv/mdevview.locked" ] || replace=--force-reinstall
    words=$( (locked_install "$venv" $replace -r "$root/packaging/lock/build.txt" --only-binary :all: &&
        locked_install "$venv" $replace -r "$root/$lock" &&
        pip_install "$venv" --no-index --no-deps $project "$root") 2>&1) || {
        printf '%s\n' "$words" >&2
        case $words in
            *'DO NOT MATCH THE HASHES'*) die "a file that pip got is not the one that $lock names, and was not installed: see above" ;;
            *) die "pip could not install $lock into $venv (it is for Python 3.11 to 3.14): see its messages above" ;;
        esac
    }
    : >"$venv/mdevview.locked"
    printf '%s\n' "$key" >"$stamp"
}

# pip_install VENV ARGUMENT...
pip_install() {
    interpreter=$1/bin/python
    shift
    "$interpreter" -I -m pip install -q --disable-pip-version-check --no-build-isolation "$@" </dev/null
}
locked_install() { pip_install "$@" --require-hashes; }

# Two processes must not make the same environment at once. File descriptor 9 holds the lock.
lock() { exec 9<"$root" && flock 9; }
unlock() { exec 9<&-; }
