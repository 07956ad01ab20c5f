#!/usr/bin/env bash
# Makes a folder with a minimal Debian of this machine's release, as debuerreotype makes debian:X-slim: no
# documentation but the licences, no translations, nothing cached. usage: make-debian.sh FOLDER PACKAGE[,PACKAGE]…
set -euo pipefail
if [ $# -ne 2 ]; then echo "usage: $0 FOLDER PACKAGE[,PACKAGE]…" >&2; exit 2; fi
root=$1 packages=$2
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

# The archive that this machine itself installs from; the first word after the type or `URIs:` that is an address.
archive() {
    grep -rhoE "https?://[^ ]+/$1/?( |\$)" /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
        sed 's/ *$//' | head -1 || true
}
mirror=$(archive debian)
mirror=${mirror:-http://deb.debian.org/debian}
security=$(archive debian-security)
security=${security:-http://deb.debian.org/debian-security}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
debootstrap --variant=minbase --merged-usr --include="$packages" "$release" "$root" "$mirror" >"$log" 2>&1 ||
    { tail -5 "$log" >&2; exit 1; }

cat > "$root/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $release $release-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: $security
Suites: $release-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
rm -f "$root/etc/apt/sources.list" "$root/etc/machine-id" "$root/etc/resolv.conf" "$root/etc/hostname"

# Services are not started while packages are installed; packages leave no caches and no documentation behind.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
clean='"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true";'
cat > "$root/etc/apt/apt.conf.d/docker-clean" <<CONF
DPkg::Post-Invoke { $clean };
APT::Update::Post-Invoke { $clean };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
echo 'Apt::AutoRemove::SuggestsImportant "false";' > "$root/etc/apt/apt.conf.d/docker-autoremove-suggests"
echo 'Acquire::GzipIndexes "true";' > "$root/etc/apt/apt.conf.d/docker-gzip-indexes"
echo 'Acquire::Languages "none";' > "$root/etc/apt/apt.conf.d/docker-no-languages"
unwanted=(doc groff info linda lintian/overrides locale man)
{
    printf 'path-exclude /usr/share/%s/*\n' "${unwanted[@]}"
    printf 'path-include /usr/share/%s\n' 'doc/*/copyright' locale/locale.alias
} > "$root/etc/dpkg/dpkg.cfg.d/docker"
for folder in "${unwanted[@]}"; do
    [ -d "$root/usr/share/$folder" ] || continue
    find "$root/usr/share/$folder" -depth -mindepth 1 \
        ! -path '*/doc/*/copyright' ! -path '*/locale/locale.alias' ! -type d -delete
    find "$root/usr/share/$folder" -depth -mindepth 1 -type d -empty -delete
done
find "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log" -type f -delete
