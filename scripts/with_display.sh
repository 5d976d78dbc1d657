#!/usr/bin/env bash
# Run a command on a virtual X display, so that tests open no window on the user's screen.
# Where Debian packages for it are missing they are installed, if that can be done without asking.
set -euo pipefail

[ "$(uname)" = Linux ] || exec "$@"  # macOS draws without X

if command -v dpkg-query >/dev/null; then
    missing=()
    for package in xvfb xauth libegl1 libgl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
        libxcb-keysyms1 libxcb-shape0 libxcb-xinerama0 libdbus-1-3; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
            || missing+=("$package")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo --non-interactive)
        if ! "${as_root[@]}" true 2>/dev/null; then
            echo "Missing system packages; please run: sudo apt-get install ${missing[*]}" >&2
            exit 1
        fi
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null </dev/null
    fi
fi

command -v xvfb-run >/dev/null || { echo "xvfb-run is missing: please install Xvfb." >&2; exit 1; }
exec xvfb-run --auto-servernum --server-args="-screen 0 1400x900x24" "$@"
