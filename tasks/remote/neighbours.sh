# shellcheck shell=sh
# Who answers for an address on a network that the router is in: ARP, or neighbour discovery, is
# provoked without a packet to the address itself, where ip can do that.

# nb_device ADDRESS LIKE: the interface on whose network the address would be: that which has LIKE, else
# one behind which LIKE, or the address, is without a gateway between. Nothing where there is none.
nb_device() {
    _device=$(ip -o addr show to "$2" 2>/dev/null | awk '{ print $2; exit }')
    for _to in "$2" "$1"; do
        [ "$_device" ] && break
        _device=$(ip -o route get "$_to" 2>/dev/null | awk '
            / via / || /^(local|unreachable|prohibit|blackhole)/ { exit }
            { for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
    done
    printf '%s\n' "${_device%%@*}"
}

# nb_ask ADDRESS LIKE: begin to ask; what was known before, and may not be so any more, is forgotten.
nb_ask() {
    nb_address=$1
    nb_dev=
    if [ "$(ip -o addr show to "$1" 2>/dev/null)" ]; then return; fi
    nb_dev=$(nb_device "$1" "$2")
    [ "$nb_dev" ] || return 0
    read -r nb_asked _ </proc/uptime
    case $(nb_known) in
        *PERMANENT* | *NOARP*) return ;;
        ?*) ip neigh del "$1" dev "$nb_dev" 2>/dev/null ;;
    esac
    ip neigh replace "$1" dev "$nb_dev" use 2>/dev/null && return
    # An ip of before 2021 does not know that word.
    case $1 in *:*) _ping=$(command -v ping6 || echo ping) ;; *) _ping=ping ;; esac
    "$_ping" -n -c 1 -W 1 -I "$nb_dev" "$1" >/dev/null 2>&1 </dev/null &
}

# nb_waited: for how many hundredths of a second.
nb_waited() {
    read -r _now _ </proc/uptime
    printf '%s' $((${_now%.*}${_now#*.} - ${nb_asked%.*}${nb_asked#*.}))
}

nb_known() { ip neigh show to "$nb_address" dev "$nb_dev" 2>/dev/null; }

# nb_told: what came of it: a line `dev NAME`, and one of ip's where somebody is known; behind it those
# of other addresses that the same one has. Who is there answers in milliseconds; a tenth of a second has
# nearly always gone by with all else that was asked.
nb_told() {
    [ "$nb_dev" ] || return 0
    for _ in 1 2 3 4 5; do
        [ "$(nb_waited)" -lt 10 ] || break
        case $(nb_known) in *INCOMPLETE* | '') sleep 0.02 ;; *) break ;; esac
    done
    echo "dev $nb_dev"
    _answer=$(nb_known)
    printf '%s\n' "$_answer"
    case $_answer in *' lladdr '*) ;; *) return 0 ;; esac
    _mac=${_answer#* lladdr }
    ip neigh show dev "$nb_dev" | grep -F " lladdr ${_mac%% *} " | grep -vF "$nb_address " | head -n 5
}
