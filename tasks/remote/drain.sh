# shellcheck shell=sh
# What refuses new connections to VIPs that drain: a table of nftables of its own, for any backend. All
# that is done with it is what is done with the table of marks, under other names.

# as_drain COMMAND…: run it with those names.
as_drain() {
    nft_table='inet lvsfleet_drain'
    nft_file=/etc/lvsfleet/drain.nft
    nft_unit=lvsfleet-drain.service
    nft_units="/etc/systemd/system/$nft_unit /etc/systemd/system/nftables.service.d/lvsfleet-drain.conf"
    # shellcheck disable=SC2034 # the snapshot and what changes it go by it
    nft_copy=drain-table
    if "$@"; then _drained=0; else _drained=$?; fi
    nft_names
    return "$_drained"
}

# as_table_of PART COMMAND…: run it with the names of the table of nftables that the part is about.
as_table_of() {
    case $1 in
        *-drain) shift && as_drain "$@" ;;
        *) shift && "$@" ;;
    esac
}

# drain_ready DIR: as nft_ready, in fewer words: a kernel may know iptables and IPVS and no nftables.
drain_ready() {
    _said=$(as_drain nft_ready "$1") && return
    printf 'nftables, which would refuse, does not take it: %s\n' "$_said" | head -n 1
    return 1
}

drain_observe() {
    case $nft_tables in *"table $nft_table"*) section drain:own nft_own -js ;; esac
    for _f in $nft_file $nft_units; do
        file_section "$_f"
    done
}
