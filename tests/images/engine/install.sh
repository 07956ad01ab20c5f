#!/usr/bin/env bash
# Installs a container engine from the distribution's packages: Podman with runc and compose, and what a stand-in base
# image is made with. For a Debian or Ubuntu machine without Docker, as root. Does nothing where Docker answers.
set -euo pipefail
if docker info >/dev/null 2>&1; then exit 0; fi
missing=()
for command in podman podman-compose runc debootstrap; do command -v "$command" >/dev/null || missing+=("$command"); done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    if command -v podman >/dev/null; then exit 0; fi
    echo "Docker does not answer, Podman is not installed, and only root on Debian or Ubuntu can install it here" >&2
    exit 1
fi
echo "installing a container engine: podman, podman-compose, runc, debootstrap" >&2
trap 'echo "the packages of Podman could not be installed" >&2' ERR
"$(dirname "$0")/../../support/apt-install.sh" podman podman-compose runc debootstrap conmon netavark aardvark-dns \
    iptables catatonit golang-github-containers-common
