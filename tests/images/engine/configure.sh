#!/usr/bin/env bash
# Writes a configuration for Podman as root on a machine without systemd or with control groups of version 1: there its
# own defaults do not work. usage: configure.sh FOLDER; then CONTAINERS_CONF=FOLDER/containers.conf and
# CONTAINERS_STORAGE_CONF=FOLDER/storage.conf. The images lie in FOLDER too.
set -euo pipefail
folder=${1:?usage: configure.sh FOLDER}
mkdir -p "$folder"
cat > "$folder/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$folder/run"
CONF
# crun refuses a mixture of both versions of control groups; the default ulimits ask for more than root may have in
# a virtual machine; there is no systemd to make control groups or to keep logs and events.
cat > "$folder/containers.conf" <<'CONF'
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
CONF
