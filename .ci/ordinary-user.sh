#!/usr/bin/env bash
# The README's commands as an ordinary user would give them: no root, 1024 file descriptors, no control groups of its
# own, the distribution's Python. Makes a user, clones this repository into its home, runs the demo and the short
# tests there, and removes the user. As root, on Debian or Ubuntu.
set -euo pipefail
cd "$(dirname "$0")/.."
user="plimsoll-$$"
commands='ulimit -n 1024; cd plimsoll; id -un; ulimit -n; python3 --version; make demo test-short'

finish() {
    pkill -KILL -u "$user" || true  # what a demo that was cut off has left
    userdel --remove "$user" 2>/dev/null
}

useradd --create-home --shell /bin/bash "$user"
trap finish EXIT
home=$(getent passwd "$user" | cut -d: -f6)
git clone --quiet --no-hardlinks . "$home/plimsoll"
chown -R "$user": "$home/plimsoll"
timeout --kill-after 10 900 su - "$user" -c "$commands"
