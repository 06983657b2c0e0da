#!/bin/sh
# Runs inside a fresh root filesystem: makes of a plain Debian what every router of the lab starts from.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Each router gets an identity of its own when it is made.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /etc/hostname /var/lib/dbus/machine-id

# Which of these runs is what makes routers differ.
systemctl --quiet disable firewalld.service keepalived.service nftables.service \
    netfilter-persistent.service
# Installing iptables-persistent saves what the machine that builds this has loaded.
rm -f /etc/iptables/rules.v4 /etc/iptables/rules.v6

# What a container cannot run, or what would only wake up to use the network.
systemctl --quiet mask \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer getty.target console-getty.service \
    systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-udev-trigger.service systemd-modules-load.service systemd-pstore.service \
    systemd-timesyncd.service systemd-firstboot.service systemd-networkd.service \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount sys-kernel-config.mount

# What finds nothing to do here at every boot: a third of the time that one takes.
systemctl --quiet mask \
    modprobe@.service systemd-remount-fs.service systemd-sysusers.service \
    systemd-tmpfiles-setup-dev.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service
mkdir -p /etc/systemd/system-generators
for unneeded in cryptsetup debug fstab getty gpt-auto hibernate-resume integritysetup rc-local run \
    system-update veritysetup; do
    ln -s /dev/null "/etc/systemd/system-generators/systemd-$unneeded-generator"
done

# Programs log in here: the greeting of each would be five more to start.
sed -i '/pam_motd/d' /etc/pam.d/sshd

# Three ways in: root, an operator whose sudo asks nothing, and one whose sudo asks for the password.
useradd --create-home --shell /bin/bash ops
useradd --create-home --shell /bin/bash opspw
echo 'opspw:lab-opspw' | chpasswd
cat >/etc/sudoers.d/lab <<'SUDO'
ops   ALL=(ALL:ALL) NOPASSWD: ALL
opspw ALL=(ALL:ALL) ALL
SUDO
chmod 440 /etc/sudoers.d/lab

# A router that LVS runs on forwards, and does not guess from where a packet should have come.
cat >/etc/sysctl.d/90-lvs-router.conf <<'SYSCTL'
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.default.rp_filter = 0
SYSCTL

# The base policies of RHEL-like routers come from units that Debian does not have.
mkdir -p /etc/sysconfig

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/bootstrap.log /var/log/apt
