#!/bin/sh
# Builds the Debian package of this checkout. See usage below.

usage() {
    cat <<'END'
usage: sh packaging/deb.sh [FOLDER]

Writes mdevview_VERSION_ARCHITECTURE.deb into FOLDER (dist/ if none is named), and prints its path. The tools for that
(binutils, python3-venv) are installed if they are missing: it asks before it uses sudo. Nothing else is installed but
the Python packages of packaging/lock, into .venv.

The package is for Debian 13 and later, and for Ubuntu 24.04 and later. Its dependencies are packages of Debian. Four
Python packages that these do not have, or have too old, are put into a private folder of it, with the versions and
hashes of packaging/lock/run.txt. Install it with: sudo apt install ./mdevview_VERSION_ARCHITECTURE.deb
END
}

self=$(readlink -f -- "$0")
root=${self%/packaging/deb.sh}
venv=$root/.venv
name=io.github.mdevview.mdevview
# What Debian 13 and Ubuntu 24.04 do not have, and shtab: Ubuntu 24.04 has 1.5, Debian 13 has 1.7, which knows no fish.
private='hdrhistogram mcap qemu-qmp shtab'

case ${1:-} in
    -h | --help) usage && exit ;;
    -*) usage >&2 && exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2 && exit 2; }
out=$(mkdir -p "${1:-$root/dist}" && cd "${1:-$root/dist}" && pwd) || exit
cd "$root" || exit
. packaging/lib.sh
command -v dpkg-deb >/dev/null || die 'there is no dpkg-deb: Debian and its relatives have it in the package dpkg'
umask 022
set -e

check_root
find_python
lock
if on_debian; then
    needs=$(venv_needs && echo 'what removes debug symbols: binutils')
    install_packages "$(printf '%s\n' "$needs" | missing)"
fi
make_venv
install_project run
unlock

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
tree=$tmp/mdevview
vendor=$tree/usr/lib/mdevview/vendor
architecture=$(dpkg --print-architecture)
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' packaging/deb/changelog)
# Equal files, whenever they are built.
SOURCE_DATE_EPOCH=$(date -d "$(sed -n '/^ -- /{s/.*>  //p;q}' packaging/deb/changelog)" +%s)
export SOURCE_DATE_EPOCH

# put FILE TARGET [MODE]
put() { install -D -m "${3:-644}" "$1" "$tree/$2"; }

# put_packed FILE TARGET: as policy wants man pages and changelogs.
put_packed() {
    put "$1" "$2"
    gzip -9n "$tree/$2"
}

# locked NAME: the lines of the lock file about one package.
locked() { awk -v name="$1" '/^[^ ]/ { on = index($0, name "==") == 1 } on' packaging/lock/run.txt; }

# install_private NAME FOLDER [OPTION...]: the package alone, if it is the file that the lock file names.
install_private() {
    locked "$1" >"$tmp/lock.txt"
    [ -s "$tmp/lock.txt" ] || die "packaging/lock/run.txt does not name $1"
    target=$2
    shift 2
    locked_install "$venv" --no-deps --no-compile --target "$target" "$@" -r "$tmp/lock.txt"
}

put_program() {
    mkdir -p "$tree/usr/lib/mdevview/mdevview"
    cp packaging/launcher/mdevview/*.py "$tree/usr/lib/mdevview/mdevview"
    cp -R app gl ui "$tree/usr/lib/mdevview/mdevview"
    find "$tree" -name __pycache__ -prune -exec rm -rf {} +
    put packaging/deb/mdevview usr/bin/mdevview 755
}

# hdrhistogram has a module in C. Its files for x86 serve each Python that mdevview supports; elsewhere it is compiled
# for the Python that runs here.
put_private() {
    for each in $private; do
        install_private "$each" "$vendor"
        rm -rf "${vendor:?}/bin"
    done
    if [ "$architecture" = amd64 ]; then
        for each in 3.11 3.12 3.13 3.14; do
            install_private hdrhistogram "$tmp/$each" --python-version $each --platform manylinux_2_28_x86_64 \
                --only-binary :all:
            cp "$tmp/$each"/*.so "$vendor"
        done
    fi
    strip --strip-unneeded "$vendor"/*.so
    chmod 644 "$vendor"/*.so
    # A command that nobody uses here, and lists of files that are no longer all there.
    rm -rf "$vendor/hdrh/dump.py" "$vendor"/*.dist-info/RECORD
}

# The oldest and the newest Python that the private C module serves, as words of a dependency.
pythons() {
    numbers=$(find "$vendor" -name '*.cpython-3*.so' | sed 's/.*cpython-3\([0-9]*\).*/\1/' | sort -n)
    [ -n "$numbers" ] || die 'hdrhistogram came without its module in C'
    oldest=$(printf '%s\n' "$numbers" | head -n 1)
    newest=$(printf '%s\n' "$numbers" | tail -n 1)
    printf 'python3 (>= 3.%s), python3 (<< 3.%s~)' "$oldest" $((newest + 1))
}

put_data() {
    put packaging/desktop/$name.desktop usr/share/applications/$name.desktop
    put packaging/desktop/$name.metainfo.xml usr/share/metainfo/$name.metainfo.xml
    put packaging/desktop/$name.svg usr/share/icons/hicolor/scalable/apps/$name.svg
    put_packed packaging/man/mdevview.1 usr/share/man/man1/mdevview.1
    for each in getfd getxen; do
        put packaging/helper/mdevview-$each usr/libexec/mdevview-$each 755
        put packaging/helper/io.github.mdevview.$each.policy usr/share/polkit-1/actions/io.github.mdevview.$each.policy
    done
    for each in bash:bash-completion/completions/mdevview zsh:zsh/vendor-completions/_mdevview \
        fish:fish/vendor_completions.d/mdevview.fish; do
        "$venv/bin/mdevview" --print-completion "${each%%:*}" >"$tmp/completion"
        put "$tmp/completion" "usr/share/${each#*:}"
    done
    documents=usr/share/doc/mdevview
    put packaging/deb/copyright $documents/copyright
    put packaging/deb/README.Debian $documents/README.Debian
    # In folders as here, because they refer to each other.
    for each in README.md SECURITY.md packaging/doc/*.md; do
        put "$each" "$documents/$each"
    done
    put packaging/deb/70-vfio-kvm.rules $documents/examples/70-vfio-kvm.rules
    put_packed packaging/deb/changelog $documents/changelog.Debian
    put_packed CHANGELOG.md $documents/changelog
}

put_control() {
    mkdir "$tree/DEBIAN"
    python_versions=$(pythons)
    size=$(du -sk --exclude DEBIAN "$tree" | cut -f 1)
    sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/; s/@PYTHON@/$python_versions/" \
        packaging/deb/control >"$tree/DEBIAN/control"
    put packaging/deb/postinst DEBIAN/postinst 755
    put packaging/deb/prerm DEBIAN/prerm 755
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

put_program
put_private
put_data
put_control
# The checkout may have been made with a umask that lets nobody else read it.
chmod -R u=rwX,go=rX "$tree"
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
package=$out/mdevview_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -b "$tree" "$package" >&2
printf '%s\n' "$package"
