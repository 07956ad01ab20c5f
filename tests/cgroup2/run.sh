#!/bin/bash
# The tests in this folder under a real cgroup v2: a Debian kernel in QEMU (software emulation: no KVM, no network)
# with this machine's Python and the packages that Plimsoll needs to profile. usage: run.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/cgroup2 build=build/cgroup2 python=$PWD/.venv/bin/python
mkdir -p "$build"

for program in qemu-system-x86_64 cpio modprobe busybox mkfs.ext4; do
    command -v "$program" >/dev/null || missing=1
done
# The guest has no libraries for a busybox that wants some.
if ldd "$(command -v busybox)" >/dev/null 2>&1; then missing=1; fi
if [ -n "${missing:-}" ]; then
    tests/support/apt-install.sh qemu-system-x86 seabios busybox-static cpio kmod e2fsprogs
fi

if [ ! -e "$build/initrd.gz" ]; then
    rm -rf "$build/kernel" "$build/initrd"
    mkdir -p "$build/kernel/usr" "$build/initrd"/{bin,modules,new}
    package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/{print $2; exit}')
    (cd "$build" && apt-get -o APT::Sandbox::User=root download -qq "$package" && dpkg -x "$package"_*.deb kernel && rm "$package"_*.deb)
    ln -s ../lib "$build/kernel/usr/lib"
    version=$(ls "$build/kernel/lib/modules")
    depmod -b "$build/kernel" "$version"
    cp "$build/kernel/boot/vmlinuz-$version" "$build/vmlinuz"
    # What the kernel needs before it sees its disk, in the order in which it must be loaded.
    number=10
    for module in virtio_pci virtio_blk ext4; do
        modprobe -S "$version" -d "$PWD/$build/kernel" --show-depends "$module" | awk '/^insmod/{print $2}'
    done | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$build/initrd/modules/$number-$(basename "$file")"
        number=$((number + 1))
    done
    cp "$(command -v busybox)" "$build/initrd/bin/busybox"
    install -m 755 "$here/initrd_init.sh" "$build/initrd/init"
    (cd "$build/initrd" && find . | cpio --quiet -o -H newc | gzip -1) > "$build/initrd.gz"
fi

rm -rf "$build/root" "$build/disk.img"
"$python" "$here/guest_files.py" "$build/root"
install -m 755 "$here/guest_init.sh" "$build/root/init.sh"
# Not %q, which makes one empty argument of none.
printf '%s ' "${@@Q}" > "$build/root/pytest-arguments"
truncate -s 1G "$build/disk.img"
mkfs.ext4 -q -d "$build/root" "$build/disk.img"

# The guest's clock counts instructions: how busy this machine is makes the run longer and changes nothing in it.
timeout "${CGROUP2_TIMEOUT_S:-3600}" qemu-system-x86_64 -accel tcg -icount shift=1,sleep=off -cpu max -m 1280 -smp 1 \
    -nographic -no-reboot -nic none -kernel "$build/vmlinuz" -initrd "$build/initrd.gz" \
    -append "console=ttyS0 quiet panic=-1 random.trust_cpu=on" \
    -drive "file=$build/disk.img,format=raw,if=virtio" </dev/null | tee "$build/console.log"
grep -q '^GUEST-EXIT=0' "$build/console.log"
