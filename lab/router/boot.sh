#!/bin/sh
# Becomes a router: run as PID 1 of new namespaces, mounts the router's disk, and starts systemd.
# Everything is mounted in the router's own mount namespace, so the host has nothing to unmount.
#   $1  the router's folder, with lower (a link), upper, work, root
set -eu
root=$1/root

mount -t overlay overlay -o "lowerdir=$(readlink -f "$1/lower"),upperdir=$1/upper,workdir=$1/work" "$root"

# Kernel-wide settings are the host's and stay out of reach; those of the network are the router's.
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
if [ -e "$root/proc/sysrq-trigger" ]; then
    mount --bind "$root/proc/sysrq-trigger" "$root/proc/sysrq-trigger"
    mount -o remount,bind,ro "$root/proc/sysrq-trigger"
fi
mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o nosuid,mode=755,size=1m dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$root/tmp"

cd "$root"
pivot_root . .
umount -l .
# systemd shares its mounts with its services, and hands them credentials by that; where it finds
# itself in a container, it leaves it to whoever started that.
mount --make-rshared /
# systemd knows a container by $container and then leaves the machine's devices alone.
exec env -i container=lvsfleet-lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
    chroot . /sbin/init </dev/null >/dev/null 2>&1
