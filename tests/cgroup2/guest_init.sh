#!/bin/busybox sh
# The only process of the guest: mounts what a system has, runs the tests, switches off.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
cd /plimsoll
. ./environment
eval "set -- $(cat /pytest-arguments)"
python3 -m pytest -p no:cacheprovider --timeout 1800 tests/cgroup2 tests/host/test_host_groups.py \
    tests/faults/test_faults_memory.py "$@"
echo "GUEST-EXIT=$?"
sync
poweroff -f
