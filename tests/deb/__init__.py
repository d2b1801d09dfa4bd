"""The Debian package in a fresh Debian 13: installed, started from its menu entry, removed (packaging/deb.sh)."""
