# shellcheck shell=sh
# All that is asked of a router that checks, or a change of keepalived's files, are about; it only reads.

# kernel: what IPVS needs of it, a line each; no program is started for it. A setting is at its end after
# one read, and dash reads single bytes: it has the digit, and says that there was no line.
kernel() {
    for _f in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding \
        /proc/sys/net/netfilter/nf_conntrack_helper \
        /proc/sys/net/ipv4/conf/*/promote_secondaries; do
        _value=
        [ ! -r "$_f" ] || read -r _value <"$_f" || :
        if [ "$_value" ]; then printf '%s %s\n' "${_f#/proc/sys/}" "$_value"; fi
    done
    if [ -r /proc/net/ip_vs ]; then echo 'ip_vs yes'; else echo 'ip_vs no'; fi
    for _module in ip_vs_ftp nf_conntrack_ftp; do
        if [ -d "/sys/module/$_module" ]; then echo "$_module yes"; fi
    done
}

# by_iptables OPTION: of nftables' tables, those that iptables made; with -v all others.
by_iptables() {
    [ "$nft_tables" ] || return
    printf '%s\n' "$nft_tables" | grep -E "$@" '^table ip6? (filter|mangle|nat|raw|security)$'
}

# look_all BACKENDS PLACES: as observe_all, and what else a change of VIPs goes by.
look_all() {
    observe_all "$@"
    section kernel kernel
    if have keepalived; then ka_observe; fi
}

# inspect_all BACKENDS PLACES: as look_all, and what else checks ask about.
inspect_all() {
    look_all "$@"
    if [ -L "$lock" ]; then section now date +%s; fi
    section run-names ls -1 "$home/runs"
    if [ -r /proc/net/ip_vs ] && have ipvsadm; then section ipvs ipvsadm --save --numeric; fi
    if have keepalived; then section keepalived:test ka_test; fi
    if [ "$_running" = yes ]; then
        file_section /etc/firewalld/firewalld.conf
        # What iptables made is beside firewalld's own: Docker's, direct rules.
        if have iptables-save && by_iptables -q; then
            section iptables:4 iptables-save
            section iptables:6 ip6tables-save
        fi
        ipt_variants
    fi
    if by_iptables -qv; then section nft:ruleset nft --json list ruleset; fi
}
