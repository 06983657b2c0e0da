# shellcheck shell=sh
# counters NONCE: the addresses that the router has, and what it has counted of packets that are marked: by
# the rules of iptables that mark, and by IPVS. It only reads, and loads no module to do so.

# marking PROGRAM NAMES: those rules with their counters, where the table is there.
marking() {
    case $(iptables --version 2>/dev/null) in
        *nf_tables*) ;;
        *) grep -qx mangle "$2" 2>/dev/null || return 1 ;;
    esac
    "$1" -c -t mangle | grep -F -- ' -j MARK '
}

section addresses ip -o addr show
section marking:4 marking iptables-save /proc/net/ip_tables_names
section marking:6 marking ip6tables-save /proc/net/ip6_tables_names
if [ -r /proc/net/ip_vs ] && have ipvsadm; then
    section ipvs ipvsadm --list --numeric --stats --exact
fi
