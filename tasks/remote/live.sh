# shellcheck shell=sh
# live NONCE WHAT…: how many connections the router has of each WHAT: PROTOCOL,ADDRESS,HEX,LONG,FIRST,LAST,
# an address as it is written most often, as IPVS writes it, and in full; ports FIRST to LAST. Those that
# are closed on both sides are over, though they are remembered for a while.

# counted: the sum, of lines `PROTOCOL STATE ADDRESS PORT`; the address in any of its spellings.
counted() {
    awk -v whats="$whats" '
        BEGIN {
            n = split(whats, what, " ")
            for (i = 1; i <= n; i++) {
                split(what[i], part, ",")
                for (k = 2; k <= 4; k++) of[part[1], part[k], ++many[part[1], part[k]]] = i
                first[i] = part[5]; last[i] = part[6]
            }
        }
        $2 ~ /^(TIME_WAIT|CLOSE|LAST_ACK|SYN_SENT|NONE)$/ { next }
        {
            for (j = 1; j <= many[$1, $3]; j++) {
                i = of[$1, $3, j]
                if (first[i] <= $4 + 0 && $4 + 0 <= last[i]) { sum++; next }
            }
        }
        END { print sum + 0 }'
}

# hexadecimal: the fourth word, in hexadecimal digits, as a number.
hexadecimal() {
    awk '
        function number(text, at, value) {
            value = 0
            for (at = 1; at <= length(text); at++)
                value = value * 16 + index("0123456789ABCDEF", substr(text, at, 1)) - 1
            return value
        }
        { $4 = number($4); print }'
}

# of_ipvs: what it has. A template of persistence has port 0 at the client: that is none.
of_ipvs() {
    awk 'NR > 1 && $3 != "0000" { print tolower($1), $8, $4, $5 }' /proc/net/ip_vs_conn |
        hexadecimal | counted
}

# of_conntrack: the first half of each line is how the connection began.
of_conntrack() {
    awk '{
        state = $6 ~ /=/ ? "-" : $6; address = port = ""
        for (i = 5; i <= NF; i++) {
            if (address == "" && $i ~ /^dst=/) address = substr($i, 5)
            if (port == "" && $i ~ /^dport=/) port = substr($i, 7)
        }
        print $3, state, address, port
    }' | counted
}

whats=$*
section addresses ip -o addr show
if [ -r /proc/net/ip_vs_conn ]; then
    section ipvs of_ipvs
else
    # One that lists nothing, not even who asks, does not track: then nobody knows.
    known=$(cat /proc/net/nf_conntrack 2>/dev/null || conntrack -L -o extended 2>/dev/null)
    if [ "$known" ]; then
        section conntrack of_conntrack <<END
$known
END
    fi
fi
