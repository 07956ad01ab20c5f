#!/bin/busybox sh
# Finds the disk and hands over to it.
/bin/busybox mkdir -p /dev /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in /modules/*.ko*; do /bin/busybox insmod "$module"; done
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/vda ] || /bin/busybox sleep 0.5; done
/bin/busybox mount -t ext4 /dev/vda /new && exec /bin/busybox switch_root /new /init.sh
echo 'no disk'
/bin/busybox poweroff -f
