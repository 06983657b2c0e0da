#!/bin/sh
# Becomes a router with a kernel of its own, User-Mode Linux: boot.sh's counterpart. It filters by
# itself and has IPVS, which the host's kernel need not have. Run as PID 1 of new namespaces.
#   $1  the router's folder, with lower (a link), upper, work, root
set -eu
root=$1/root
modules=$(find /usr/lib/uml/modules -mindepth 1 -maxdepth 1 | sort | tail -n 1)

mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t overlay overlay -o "lowerdir=$(readlink -f "$1/lower"),upperdir=$1/upper,workdir=$1/work" "$root"
mkdir -p "$root/lib/modules/${modules##*/}"
mount --bind "$modules" "$root/lib/modules/${modules##*/}"
# Its memory is a file, which it maps to run; its socket for uml_mconsole lies beside it.
mount -t tmpfs -o nosuid,nodev,mode=700 memory /tmp

mac() { ip -o link show dev "$1" | sed -n 's/.* link\/ether \([^ ]*\) .*/\1/p'; }
addresses() { ip -o address show dev "$1" scope global | awk -v on="$1" '{ print "ip address add", $4, "dev", on }'; }

# Only IPv4's part of the network is built in; the rest is there before an address is given.
cat >"$root/etc/lab-init" <<INIT
mount -t proc proc /proc
modprobe ipv6
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
ip link set vec0 name eth0
ip link set vec1 name eth1
$(addresses eth0)
$(addresses eth1)
ip link set lo up
ip link set eth0 up
ip link set eth1 up
exec /sbin/init
INIT

# The namespace's own stack keeps out of it: the machine takes and sends whole frames, but does not
# take those that it sent itself (classic BPF: a packet of type 4, outgoing, is not for us).
printf '\060\000\000\000\004\360\377\377\025\000\000\001\004\000\000\000' >/tmp/taken
printf '\006\000\000\000\000\000\000\000\006\000\000\000\377\377\377\377' >>/tmp/taken
set -- "vec0:transport=raw,ifname=eth0,bpffile=/tmp/taken,depth=64,mac=$(mac eth0)" \
    "vec1:transport=raw,ifname=eth1,bpffile=/tmp/taken,depth=64,mac=$(mac eth1)"
sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1
for link in eth0 eth1; do
    ip address flush dev "$link"
    ip link set "$link" arp off promisc on
done
cd /tmp
exec env -i HOME=/tmp TMPDIR=/tmp PATH=/usr/bin:/usr/lib/uml linux.uml mem=192M umid=lab uml_dir=/tmp \
    root=/dev/root rootfstype=hostfs rootflags="$root" rw "$@" \
    con=null con0=null,fd:1 con1=null,fd:1 init=/bin/sh -- /etc/lab-init </dev/null
