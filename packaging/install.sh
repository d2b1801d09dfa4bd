# Installs mdevview for one user, without root: for run.sh, which sets $root (the checkout). POSIX sh.
#
# The program gets an environment of its own in ~/.local/share/mdevview, so that it goes on when the checkout is moved,
# changed or removed. Desktops and shells find it by links to files there:
#   ~/.local/bin/mdevview, and below ~/.local/share the desktop entry, icon, metadata, man page and completions.
# XDG_DATA_HOME replaces ~/.local/share. uninstall.sh removes exactly what $prefix/installed lists.
# shellcheck shell=sh disable=SC2154

# record KIND PATH: a line of $prefix/installed, once.
record() {
    grep -qsxF "$1 $2" "$prefix/installed" || printf '%s %s\n' "$1" "$2" >>"$prefix/installed" ||
        die "$prefix/installed cannot be written to"
}

# make_folder PATH: adds to $made which folders were not there before.
make_folder() {
    [ ! -d "$1" ] || return 0
    make_folder "${1%/*}"
    # Another process may make it at the same time.
    mkdir -p "$1" || die "the folder $1 cannot be made"
    made="$made folder $1
"
}

record_made() {
    printf '%s' "$made" | while read -r kind folder; do record "$kind" "$folder"; done || exit
    made=
}

# The links, as lines "FILE TARGET-in-$prefix". Only the names of this program are taken from the environment's share.
links() {
    printf '%s %s\n' "$bin/mdevview" venv/bin/mdevview \
        "$data/applications/$id.desktop" "share/$id.desktop" \
        "$data/bash-completion/completions/mdevview" share/mdevview.bash \
        "$data/zsh/site-functions/_mdevview" share/_mdevview \
        "$data/fish/vendor_completions.d/mdevview.fish" share/mdevview.fish
    (cd "$venv/share" 2>/dev/null && find icons man metainfo -name '*mdevview*' ! -type d) |
        sed "s|.*|$data/& venv/share/&|"
}

# check_place FILE TARGET: a file of somebody else is never replaced. A home folder may have two names, by a link.
check_place() {
    [ ! -L "$1" ] || [ "$(readlink -m -- "$1")" != "$(readlink -m -- "$prefix/$2")" ] || return 0
    { [ ! -e "$1" ] && [ ! -L "$1" ]; } ||
        die "$1 exists and is not of this installation: remove it, then run this again"
}

# place FILE TARGET: a link to TARGET in $prefix.
place() {
    check_place "$@"
    make_folder "${1%/*}"
    record_made
    # Recorded first: whatever is interrupted now, uninstall.sh knows the link.
    record link "$1"
    [ -L "$1" ] || ln -s -- "$prefix/$2" "$1" || die "$1 cannot be made"
}

# each_link COMMAND: runs it with each FILE and TARGET.
each_link() {
    # A here-document, as a function that is run in a pipe could not end this script.
    while read -r file target; do "$1" "$file" "$target"; done <<END
$(links)
END
}

# What is made for this user: completions, and a desktop entry with a whole path, as the PATH of a desktop may lack it.
make_share() {
    mkdir -p "$prefix/share" && cp "$root/packaging/uninstall.sh" "$prefix" &&
        "$venv/bin/mdevview" --print-completion bash >"$prefix/share/mdevview.bash" &&
        "$venv/bin/mdevview" --print-completion zsh >"$prefix/share/_mdevview" &&
        "$venv/bin/mdevview" --print-completion fish >"$prefix/share/mdevview.fish" &&
        sed "s|^Exec=mdevview|Exec=$bin/mdevview|" "$venv/share/applications/$id.desktop" >"$prefix/share/$id.desktop" &&
        printf '%s\n' "$key" >"$prefix/share/stamp"
}

install_for_user() {
    [ $# = 0 ] || die '--install takes no argument'
    [ -z "${SUDO_UID:-}${PKEXEC_UID:-}${DOAS_USER:-}" ] ||
        die '--install is for the user who runs it: run it without sudo. For all users there is a Debian package (packaging/deb.sh)'
    case ${HOME:-} in /*) ;; *) die 'HOME is no absolute path' ;; esac
    # The XDG base directory specification ignores a relative path.
    case ${XDG_DATA_HOME:-} in /*) data=${XDG_DATA_HOME%/} ;; *) data=$HOME/.local/share ;; esac
    bin=$HOME/.local/bin prefix=$data/mdevview id=io.github.mdevview.mdevview made=
    venv=$prefix/venv
    # These characters have a meaning in a desktop file, a sed script, or a line of a list.
    case $bin$data in *[[:space:]\"\\\`\$%\|\&]*) die "a path with white space or one of \" \\ \` \$ % | & is not supported here: $data" ;; esac
    check_root
    [ "$(id -u)" != 0 ] || say 'this is for root alone; for all users there is a Debian package (packaging/deb.sh)'
    [ ! -L "$prefix" ] || die "$prefix is a symbolic link: remove it"
    [ ! -d "$prefix" ] || [ -f "$prefix/installed" ] || [ -z "$(ls -A "$prefix")" ] ||
        die "$prefix is not of this installation: remove it, then run this again"
    each_link check_place
    find_python
    make_folder "$prefix"
    : >>"$prefix/installed" || die "$prefix cannot be written to"
    record_made
    exec 9<"$prefix/installed"
    flock 9
    [ -f "$prefix/installed" ] || die "$prefix has been removed meanwhile: run this again"
    if on_debian; then
        install_packages "$(runtime_needs | missing)"
    else
        say 'this is neither Debian nor Ubuntu; these packages are needed, whose names may differ here:'
        runtime_needs | sed 's/^/    /' >&2
    fi
    make_venv
    install_project run copy
    if [ "$(cat "$prefix/share/stamp" 2>/dev/null)" != "$key" ]; then
        make_share || die "$prefix cannot be written to"
    fi
    each_link place
    # The icon theme specification: desktops look at the time of the theme's folder.
    touch -c "$data/icons/hicolor"
    say "installed into $prefix; start it from the menu, or as mdevview"
    case :$PATH: in
        *:"$bin":*) ;;
        *) say "your PATH lacks $bin: log in again, or add this to your shell's settings: PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
    esac
    ! command -v zsh >/dev/null ||
        say "zsh needs this in ~/.zshrc, before compinit: fpath=($data/zsh/site-functions \$fpath)"
    say "to remove it: sh $prefix/uninstall.sh"
}
