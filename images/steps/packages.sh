#!/bin/sh
# Installs a lock, hash by hash, into /install, and removes what no server uses. usage: packages.sh LOCK
set -eu
pip install --quiet --root-user-action=ignore --no-cache-dir --ignore-installed --no-warn-script-location \
    --prefix=/install --require-hashes --requirement "$1"
python "$(dirname "$0")/trim.py" /install
