# shellcheck shell=sh
# inspect NONCE BACKEND PLACES: as observe, and what else checks ask about; it only reads.

# kernel: what IPVS needs of it, a line each; no program is started for it.
kernel() {
    for _f in net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/netfilter/nf_conntrack_helper; do
        if [ -r "/proc/sys/$_f" ] && read -r _value <"/proc/sys/$_f"; then
            printf '%s %s\n' "$_f" "$_value"
        fi
    done
    if [ -r /proc/net/ip_vs ]; then echo 'ip_vs yes'; else echo 'ip_vs no'; fi
    for _module in ip_vs_ftp nf_conntrack_ftp; do
        if [ -d "/sys/module/$_module" ]; then echo "$_module yes"; fi
    done
}

# ka_test: what keepalived says of its own files, with the words it was started with.
ka_test() {
    _id=
    case $_words in *-i*) _id=$(ka_id) ;; esac
    patiently 10 keepalived --config-test --use-file "$ka_main" ${_id:+--config-id "$_id"} 2>&1
}

ka_id() {
    printf '%s\n' "$_words" | awk '
        want { id = $0; want = 0; next }
        $0 == "-i" || $0 == "--config-id" { want = 1; next }
        sub(/^--config-id=/, "") || /^-i./ && sub(/^-i/, "") { id = $0 }
        END { print id }'
}

# by_iptables OPTION: of nftables' tables, those that iptables made; with -v all others.
by_iptables() {
    nft list tables 2>/dev/null | grep -E "$@" '^table ip6? (filter|mangle|nat|raw|security)$'
}

observe_all "$@"
if [ -L "$lock" ]; then section now date +%s; fi
section kernel kernel
section run-names ls -1 "$home/runs"
if [ -r /proc/net/ip_vs ] && have ipvsadm; then section ipvs ipvsadm --save --numeric; fi
if have keepalived; then
    ka_observe
    section keepalived:test ka_test
fi
if [ "$_running" = yes ]; then
    file_section /etc/firewalld/firewalld.conf
    # What iptables made is beside firewalld's own: Docker's, direct rules.
    if have iptables-save && have nft && by_iptables -q; then
        section iptables:4 iptables-save
        section iptables:6 ip6tables-save
    fi
    ipt_variants
fi
if have nft && by_iptables -qv; then section nft:ruleset nft --json list ruleset; fi
