# shellcheck shell=sh
# iptables and ip6tables: whole tables are read, own chains are replaced in one step.

# ipt_observe: the running tables of both families, and the files that the services load at boot.
ipt_observe() {
    section iptables:4 iptables-save
    section iptables:6 ip6tables-save
    for _f in /etc/iptables/rules.v4 /etc/iptables/rules.v6 \
        /etc/sysconfig/iptables /etc/sysconfig/ip6tables; do
        file_section "$_f"
    done
}

# ipt_seen: a fingerprint of the chains that a change builds upon; other chains may come and go.
ipt_seen() {
    { iptables-save; ip6tables-save; } 2>/dev/null |
        awk '/^:LVSFLEET-/ || /^-A (PREROUTING|INPUT|LVSFLEET-[A-Z]+) /' | sha256sum
}
