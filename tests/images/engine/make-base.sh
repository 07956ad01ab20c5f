#!/usr/bin/env bash
# Makes a stand-in for the official python:X.Y-slim image where that cannot be pulled: a minimal Debian of this
# machine's release with this machine's CPython in /usr/local. usage: make-base.sh ENGINE NAME PYTHON
set -euo pipefail
if [ $# -ne 3 ]; then echo "usage: $0 ENGINE NAME PYTHON" >&2; exit 2; fi
engine=$1 name=$2 python=$3
if ! command -v debootstrap >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "a stand-in base image can be made by root with debootstrap only" >&2
    exit 1
fi
prefix=$("$python" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$prefix" = /usr ]; then
    echo "a stand-in base image is made of a CPython with a prefix of its own, not of the distribution's" >&2
    exit 1
fi
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
    grep -v security | head -1 || true)
mirror=${mirror:-http://deb.debian.org/debian}
mirror=${mirror%% }

# The packages that hold the libraries CPython is linked with; Tk is left out, nothing here draws.
libraries() {
    find "$prefix/bin/python$version" "$prefix/lib/python$version/lib-dynload" -type f ! -name '_tkinter*' \
        -exec ldd {} + 2>/dev/null |
        awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u
}
owner() { dpkg-query -S "*/${1##*/}" 2>/dev/null | head -1 | cut -d: -f1 || true; }
packages=$(for library in $(libraries); do
    case $library in "$prefix"/*) ;; *) owner "$library" ;; esac
done | sort -u | paste -sd,)

work=$(mktemp -d /var/tmp/stand-in.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
debootstrap --variant=minbase --include="ca-certificates,netbase,tzdata,$packages" \
    "$release" "$root" "$mirror" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/*
# The official base is a slim Debian: no documentation, no translations.
rm -rf "$root"/usr/share/{doc,man,info,locale}/*
printf 'deb %s %s main\n' "$mirror" "$release" "$mirror" "$release-updates" > "$root/etc/apt/sources.list"
# As there: apt leaves no caches behind.
printf '%s\n' 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' \
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' > "$root/etc/apt/apt.conf.d/docker-clean"
(cd "$prefix" && tar --exclude="lib/python$version/site-packages/*" --exclude="lib/python$version/test" \
    --exclude=__pycache__ --exclude='config-*' --exclude=idlelib --exclude=tkinter --exclude='_tkinter*' \
    -c "lib/python$version" "include/python$version" "bin/python$version" $(ls lib/libpython*.so* 2>/dev/null)) |
    tar -C "$root/usr/local" --no-same-owner -x
if command -v strip >/dev/null; then
    find "$root/usr/local" -type f \( -name '*.so*' -o -name "python$version" \) \
        -exec strip --strip-unneeded {} + 2>/dev/null || true
fi
chroot "$root" ldconfig
chroot "$root" "/usr/local/bin/python$version" -m ensurepip --upgrade >/dev/null 2>&1
for command in python pip; do
    ln -sf "$command$version" "$root/usr/local/bin/$command"
    ln -sf "$command$version" "$root/usr/local/bin/${command}3"
done
tar -C "$root" --numeric-owner -c . | "$engine" import --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' - "$name" >/dev/null
