#!/usr/bin/env bash
# The README's commands as an ordinary user would give them: no root, 1024 file descriptors, no control groups of its
# own, the distribution's Python. Makes a user, clones this repository into its home, runs the demo and the short
# tests there, and removes the user. As root, on Debian or Ubuntu.
set -euo pipefail
cd "$(dirname "$0")/.."
user="plimsoll-$$"
commands='ulimit -n 1024; cd plimsoll; id -un; ulimit -n; python3 --version; make demo test-short'

finish() {
    # What a demo that was cut off has left. Who has been killed may take a moment to end, and how this script ends is
    # not to depend on it.
    for _ in {1..100}; do
        pkill -KILL -u "$user" || break
        sleep 0.1
    done
    userdel --remove "$user" 2>/dev/null || echo "the user $user could not be removed" >&2
}

useradd --create-home --shell /bin/bash "$user"
trap finish EXIT
home=$(getent passwd "$user" | cut -d: -f6)
git clone --quiet --no-hardlinks . "$home/plimsoll"
chown -R "$user": "$home/plimsoll"
# A bound against hanging, far beyond what a slow machine and a slow archive of packages need.
timeout --kill-after 10 3600 su - "$user" -c "$commands"
