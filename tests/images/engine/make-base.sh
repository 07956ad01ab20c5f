#!/usr/bin/env bash
# Makes a stand-in for the official python:X.Y-slim image where that cannot be pulled: a minimal Debian of this
# machine's release with one of this machine's CPythons in /usr/local, put together as docker-library/python does in
# Dockerfile-linux.template, on what debuerreotype makes of Debian. docs/images.md lists what is alike and what is not;
# tests/images/test_images_base.py compares. usage: make-base.sh ENGINE NAME PYTHON
set -euo pipefail
if [ $# -ne 3 ]; then echo "usage: $0 ENGINE NAME PYTHON" >&2; exit 2; fi
engine=$1 name=$2 python=$3
here=$(dirname "$0")
fail() { echo "$1" >&2; exit 1; }
if ! command -v debootstrap >/dev/null || [ "$(id -u)" -ne 0 ]; then
    fail "a stand-in base image can be made by root with debootstrap only"
fi
prefix=$("$python" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
release_of_python=$("$python" -c 'import platform; print(platform.python_version())')
[ "$prefix" != /usr ] || fail "a stand-in base image needs a CPython with a prefix of its own, not the distribution's"
older() { [ "$(printf '%s\n' "$version" "$1" | sort -V | head -1)" != "$1" ]; }

work=$(mktemp -d /var/tmp/stand-in.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root local=$work/local

# What `make install` puts into /usr/local; what was installed into this CPython since is left behind.
mkdir "$local"
(cd "$prefix" && tar --exclude="lib/python$version/site-packages/*" -c "lib/python$version" "include/python$version" \
    $(ls -d lib/libpython*.so* lib/libpython*.a lib/pkgconfig/python* share/man/man1/python* bin/2to3{,-$version} \
        bin/{idle3,pydoc3}{,.${version#3.}} bin/python3{,-config} bin/python$version{,-config} 2>/dev/null)) |
    tar -C "$local" --no-same-owner -x
grep -rlI "^#!.*$prefix" "$local/bin" | xargs -r sed -i "1s|^#!.*|#!/usr/local/bin/python$version|"
ls "$local/lib/python$version"/lib-dynload/_tkinter*.so >/dev/null 2>&1 ||
    fail "$python has no _tkinter, as the official image has: build it again with tk-dev installed"

# The recipe's rule for the packages that stay: those that hold what ldd finds, with tkinter left out on purpose.
packages=$(find "$local" -type f -executable -not \( -name '*tkinter*' \) -exec ldd '{}' ';' 2>/dev/null |
    awk -v own="$prefix/" '/=>/ { so = $(NF-1); if (index(so, own) == 1) { next }; gsub("^/(usr/)?", "", so)
                                  printf "*%s\n", so }' |
    sort -u | xargs -r dpkg-query --search | awk 'sub(":$", "", $1) { print $1 }' | sed 's/:.*//' | sort -u | paste -sd,)
"$here/make-debian.sh" "$root" "ca-certificates,netbase,tzdata,$packages"

tar -C "$local" -c . | tar -C "$root/usr/local" --no-same-owner --no-overwrite-dir -x
inside() { chroot "$root" env PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 "$@"; }
inside ldconfig
inside python3 -m ensurepip >/dev/null 2>&1
# The recipe, word for word.
inside find /usr/local -depth \
    \( \
        \( -type d -a \( -name test -o -name tests -o -name idle_test \) \) \
        -o \( -type f -a \( -name '*.pyc' -o -name '*.pyo' -o -name 'libpython*.a' \) \) \
    \) -exec rm -rf '{}' +
# There the linker strips; here what was linked is stripped.
find "$root/usr/local" -type f \( -name '*.so*' -o -name "python$version" \) -exec strip --strip-all {} + 2>/dev/null || true
if older 3.12; then
    # As there: newer than what ensurepip brings, and wheel beside it.
    "$python" -m pip download --quiet --no-deps --dest "$root/tmp/wheels" 'setuptools==79.0.1' 'wheel<0.46'
    inside pip3 install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-index \
        --root-user-action=ignore --find-links /tmp/wheels 'setuptools==79.0.1' 'wheel<0.46'
    rm -rf "$root/tmp/wheels"
fi
for source in idle3 pip3 pydoc3 python3 python3-config; do
    ln -sT "$source" "$root/usr/local/bin/${source/3/}"
done

settings=(--change 'CMD ["python3"]' --change "ENV PYTHON_VERSION=$release_of_python")
settings+=(--change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
if older 3.13; then settings+=(--change 'ENV LANG=C.UTF-8'); fi
# As an archive: owners, groups and modes stay as Debian has them.
tar -C "$root" --numeric-owner -c . | "$engine" import "${settings[@]}" - "$name" >/dev/null
