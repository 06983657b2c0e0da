# shellcheck shell=sh
# probe NONCE STEPS ADDRESS MARK PORT…: count the SYNs to ADDRESS that come in, for STEPS fifths of a
# second or until one has come to each PORT: how many, how many with MARK, and both again past INPUT's filters.
# What counts is a table of our own that is gone at the end; one that was left behind goes first.
#
# It sees a packet where IPVS would: behind the mangling of every packet filter, whichever made it. Where
# nothing works by nf_tables it would be loaded for this alone: there the counters of the rules that
# mark are told, as they are at the beginning and at the end.

trap '' HUP PIPE
steps=$1
address=$2
mark=$3
shift 3
table='inet lvsfleet-probe'

# count CHAIN PORT WHAT MATCH…: one rule that counts and does nothing else.
count() {
    _match="$family daddr $address tcp dport $2 tcp flags & (syn|ack) == syn"
    printf 'add rule %s %s %s counter comment "%s %s"\n' "$table" "$1" "$_match${4:+ $4}" "$2" "$3"
}

# rules PORT…: the table. IPVS looks at priority 99, or -1 before Linux 2.6.37.
rules() {
    printf 'add table %s\ndelete table %s\nadd table %s\n' "$table" "$table" "$table"
    printf 'add chain %s come { type filter hook input priority -300; }\n' "$table"
    printf 'add chain %s in { type filter hook input priority 98; }\n' "$table"
    for _port; do
        count come "$_port" come ''
        count come "$_port" marked "meta mark $mark"
        count in "$_port" passed ''
        count in "$_port" in "meta mark $mark"
    done
}

# counts: a line `PORT WHAT PACKETS` for each rule.
counts() {
    # shellcheck disable=SC2086 # family and name
    nft list table $table | sed -n \
        's/.*counter packets \([0-9]*\) bytes [0-9]* comment "\([0-9]*\) \([a-z]*\)".*/\2 \3 \1/p'
}

# shellcheck disable=SC2086 # family and name
clear_up() { nft delete table $table 2>/dev/null; }

watch() {
    sleep 0.03
    while [ "$steps" -gt 0 ]; do
        case "$(counts) " in *' come 0
'*) ;; *) break ;; esac
        steps=$((steps - 1))
        sleep 0.2
    done
    counts
}

marking() { "$save" -c -t mangle | grep -F -- " $address"; }

case $address in
    *:*) family=ip6 save=ip6tables-save ;;
    *) family=ip save=iptables-save ;;
esac
if [ -r /proc/net/ip_vs ] && have ipvsadm; then section ipvs ipvsadm --save --numeric; fi
if have nft && [ "$(nft list tables 2>/dev/null)" ] && rules "$@" | nft -f - 2>/dev/null; then
    trap clear_up EXIT
    trap 'exit 1' INT TERM
    section counts watch
elif have "$save"; then
    section before marking
    while [ "$steps" -gt 0 ]; do
        steps=$((steps - 1))
        sleep 0.2
    done
    section after marking
fi
