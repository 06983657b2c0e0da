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
    ipt_variants
    nft_beside
}

# ipt_has_legacy: whether iptables' legacy variant has tables: the kernel names them without any program.
ipt_has_legacy() {
    _tables=
    for _f in /proc/net/ip_tables_names /proc/net/ip6_tables_names; do
        if [ -r "$_f" ] && read -r _line <"$_f"; then _tables=$_line; fi
    done
    [ "$_tables" ]
}

# ipt_variants: what each of iptables' two variants has, where there is more than the usual one.
ipt_variants() {
    ipt_has_legacy || return 0
    for _variant in legacy nft; do
        ipt_variant "$_variant"
    done
}

# ipt_variant VARIANT: what one of them has.
ipt_variant() {
    if have "iptables-$1-save"; then
        section "iptables-$1:4" "iptables-$1-save"
        section "iptables-$1:6" "ip6tables-$1-save"
    fi
}

# ipt_beside: the rules of iptables that stand beside another packet filter's.
ipt_beside() {
    case $nft_tables in *'table ip mangle'* | *'table ip6 mangle'*) ipt_variant nft ;; esac
    ipt_variants
}

# ipt_seen: a fingerprint of the chains that a change builds upon; other chains may come and go.
ipt_seen() {
    { iptables-save; ip6tables-save; } 2>/dev/null |
        awk '/^:LVSFLEET-/ || /^-A (PREROUTING|INPUT|LVSFLEET-[A-Z]+) /' | sha256sum
}
