#!/bin/sh
# Sets up what the tests need (Debian, Ubuntu) and runs all checks. See usage below, or --help.

usage() {
    cat <<'END'
usage: sh packaging/test.sh [--only] [STEP...]

Runs the steps named, or all of them in this order:
  ruff      ruff check
  format    ruff format --check
  mypy      mypy, strict, packaging and the helper included
  imports   the layers: ui imports gl imports app (import-linter)
  files     shellcheck, desktop file, AppStream metadata
  unit      unit tests, on simulated devices
  gl        OpenGL tests, on software Mesa
  attacks   what drivers, guests, processes and files may do to the program
  window    the windows, under headless weston and under Xvfb
  lab       a VM with the real kernel drivers (python -m tests.lab), and real Xen (python -m tests.lab xen)
  wheel     sdist, the wheel made from it, and that wheel in an empty environment, with locked packages
  deb       the Debian package in a fresh Debian 13 (only root can make one): installed, started, removed

Missing system packages are installed for the steps that run: for root at once, for other users with sudo after a
question. A step that fails does not stop the next ones. The exit status is 1 if a step failed. With CI=true in the
environment a step or test that is skipped counts as failed.
END
}

all='ruff format mypy imports files unit gl attacks window lab wheel deb'
steps=
for word in "$@"; do
    case $word in -h | --help) usage && exit ;; --only) continue ;; esac
    case " $all " in
        *" $word "*) steps="$steps $word" ;;
        *) printf 'test.sh: there is no step "%s": see --help\n' "$word" >&2 && exit 2 ;;
    esac
done
steps=${steps:-$all}
begin=$(date +%s)

self=$(readlink -f -- "$0")
root=${self%/packaging/test.sh}
venv=$root/.venv
cd "$root" || exit
. packaging/lib.sh

# wants STEP...: whether one of these steps is to run.
wants() {
    for wanted; do case " $steps " in *" $wanted "*) return 0 ;; esac; done
    return 1
}

# at_least PACKAGE VERSION: also reads the status, as a removed package still has a version.
at_least() {
    have=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' | head -n 1)
    dpkg --compare-versions "$have" ge "$2"
}

test_needs() {
    ! wants unit gl attacks window lab wheel deb || runtime_needs
    ! wants unit || echo 'shells whose completion is tested: fish zsh'
    ! wants unit || echo 'readers of man pages: groff-base mandoc'
    ! wants unit || echo 'a VM that is asked through its monitor: qemu-system-x86'
    ! wants unit attacks window lab || echo 'VMs with a D-Bus display: qemu-system-x86 qemu-system-gui qemu-system-modules-opengl seabios util-linux'
    ! wants unit || echo 'a second opinion on EDIDs: edid-decode'
    ! wants unit || echo 'names and codes of keys to check ours against: qemu-system-x86 linux-libc-dev'
    ! wants attacks || echo 'a graphics driver that misbehaves: gcc libc6-dev'
    ! wants files || echo 'checks of packaging: shellcheck desktop-file-utils appstream'
    ! wants unit window || echo 'a session bus, on which the desktop is asked not to blank the screen: dbus-daemon'
    ! wants unit || echo 'a bus with the displays of several VMs: dbus-daemon'
    ! wants window || echo 'a window manager for X11: openbox'
    ! wants window deb || echo 'X11 without a screen, and keys pressed in it: xvfb xauth xdotool'
    ! wants window || echo 'Wayland with a keyboard and a pointer: sway util-linux'
    ! wants deb || echo 'a Debian 13 in a folder, and checks of packages: mmdebstrap lintian binutils'
    ! wants lab || echo 'a virtual machine and its drivers: qemu-system-x86 seabios busybox-static file kmod gcc make'
    ! wants lab || echo 'a VM that shows its vGPU in a window of its own: qemu-system-gui'
    ! wants lab || echo 'a VM whose display renders with OpenGL, into dma-bufs: qemu-system-modules-opengl'
    ! wants lab || echo 'what lets a user without rights ask root: sudo'
    ! wants lab || echo 'commands that remedies propose: mdevctl libvirt-clients procps passwd udev util-linux'
}

# Packages whose versions in Debian 12 are too old, also if they are installed.
recent_needs() {
    if wants gl attacks window lab wheel && ! at_least libgl1-mesa-dri 24.1; then
        echo 'a software Mesa that imports dma-bufs (24.1): libgl1-mesa-dri libegl-mesa0 libglx-mesa0 libgbm1'
    fi
    if wants attacks window lab && ! at_least weston 12; then
        echo 'Wayland without a screen: weston'
    fi
    if wants unit attacks window lab && ! at_least qemu-system-x86 1:9.1; then
        # All of one version: a module of another one is not loaded.
        echo 'a QEMU that shares the memory of a display (9.1): qemu-system-x86 qemu-system-common qemu-system-data'
        echo 'its modules for D-Bus and OpenGL: qemu-system-gui qemu-system-modules-opengl'
    fi
    wants lab && [ "$(dpkg --print-architecture)" = amd64 ] || return 0
    case $ID in
        debian) flavour=amd64 oldest=6.12 ;;
        *) flavour=generic oldest=0 ;;
    esac
    for package in linux-image-$flavour linux-headers-$flavour linux-source; do
        # Outside Debian a package may have another name: then the lab says what it lacks.
        at_least "$package" $oldest || { [ "$ID" != debian ] && ! apt-cache show "$package" >/dev/null 2>&1; } ||
            echo "the kernel that the virtual machine boots: $package"
    done
}

set_up_system() {
    ID='' VERSION_ID='' VERSION_CODENAME=''
    # shellcheck disable=SC1091
    . /etc/os-release
    recent=$(recent_needs)
    set --
    if [ -n "$recent" ]; then
        set -- 'apt-get update'
        if [ "$ID-$VERSION_ID" = debian-12 ]; then
            file=/etc/apt/sources.list.d/mdevview-backports.sources
            # Empty if apt has the backports already.
            entry=$("$python" packaging/backports.py) || exit
            [ -z "$entry" ] || set -- "$(write_command "$file" "$entry") && apt-get update"
            set -- "$1" -t "$VERSION_CODENAME-backports"
            [ -z "$entry" ] || say "apt gets an entry for $VERSION_CODENAME-backports, in $file:
$entry"
        fi
    fi
    lines=$(test_needs | missing; [ -z "$recent" ] || printf '%s\n' "$recent")
    install_packages "$lines" "$@"
}

# A test that hangs must not stop the other steps. A busy machine may take twice the usual time.
limit() { timeout --foreground -k 10 3600 "$@"; }

has() {
    for tool; do
        command -v "$tool" >/dev/null || { echo "skipped: there is no $tool" && return 1; }
    done
}

step_ruff() { ruff check; }
step_format() { ruff format --check; }
step_mypy() { mypy && mypy packaging/*.py packaging/helper/mdevview-getfd && mypy packaging/helper/mdevview-getxen; }
step_imports() { lint-imports --no-logo; }
step_files() {
    has shellcheck desktop-file-validate appstreamcli || return 77
    shellcheck packaging/*.sh tests/lab/*.sh tests/lab/xen/*.sh tests/lab/xen/guest/*.sh .ci/run &&
        desktop-file-validate packaging/desktop/*.desktop &&
        metainfo packaging/desktop/*.metainfo.xml
}
# Only errors count: the warnings differ between versions.
metainfo() {
    words=$(appstreamcli validate --no-net "$@" 2>&1)
    printf '%s\n' "$words"
    case $words in *E:\ * | '') return 1 ;; esac
}
# One process more than CPUs, as these tests use two thirds of one each. The labs use all of them.
processes=$(nproc)
if [ "$processes" -lt 4 ]; then processes=$((processes + 1)); else processes=4; fi
parallel() { limit pytest -n "$processes" "$@"; }
step_unit() { parallel tests/unit tests/packaging tests/lab; }
step_gl() { parallel tests/gl; }
step_attacks() { parallel tests/attacks; }
step_window() { parallel tests/window; }
step_lab() {
    limit python -m tests.lab
    machine=$?
    limit python -m tests.lab xen
    xen=$?
    # A failure of one of them counts first, then that one was skipped.
    [ $machine = 0 ] && return $xen
    [ $xen = 0 ] || [ $xen = 77 ] || [ $machine != 77 ] || return $xen
    return $machine
}
step_wheel() {
    mkdir "$tmp/elsewhere" &&
        python -m build --no-isolation --outdir "$tmp/dist" &&
        python -m venv "$tmp/empty" &&
        locked_install "$tmp/empty" --only-binary :all: -r packaging/lock/run.txt &&
        pip_install "$tmp/empty" --no-index --no-deps "$tmp"/dist/*.whl &&
        "$tmp/empty/bin/python" -I -m pip check &&
        (cd "$tmp/elsewhere" && limit "$tmp/empty/bin/python" -I "$root/packaging/smoke.py")
}
step_deb() {
    [ "$(id -u)" = 0 ] || { echo 'skipped: only root can make a Debian in a folder' && return 77; }
    limit pytest tests/deb
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

printf '== set-up\n'
check_root
find_python
lock
if on_debian; then set_up_system; else say 'neither Debian nor Ubuntu: missing system packages are not installed'; fi
make_venv
install_project dev
cp "$venv/mdevview-dev.stamp" "$venv/mdevview-run.stamp"
unlock

PATH=$venv/bin:$PATH
# Software rendering also on a machine with a GPU: these tests are about mdevview, not about a GPU's driver.
export PATH LIBGL_ALWAYS_SOFTWARE=1
mesa=/usr/share/glvnd/egl_vendor.d/50_mesa.json
[ ! -f "$mesa" ] || export __EGL_VENDOR_LIBRARY_FILENAMES="$mesa"

table=$(printf '%-8s  %-7s  %7d' set-up '' $(($(date +%s) - begin)))
passed=0 failed=0 skipped=0
for step in $all; do
    wants "$step" || continue
    printf '\n== %s\n' "$step"
    start=$(date +%s)
    "step_$step"
    status=$?
    [ "$status" != 77 ] || [ "${CI:-}" != true ] || { echo 'CI=true: skipped counts as failed' && status=1; }
    case $status in
        0) result=passed passed=$((passed + 1)) ;;
        77) result=skipped skipped=$((skipped + 1)) ;;
        *) result=FAILED failed=$((failed + 1)) ;;
    esac
    table="$table
$(printf '%-8s  %-7s  %7d' "$step" $result $(($(date +%s) - start)))"
done

printf '\n%-8s  %-7s  %7s\n%s\n' step result seconds "$table"
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed = 0 ]
