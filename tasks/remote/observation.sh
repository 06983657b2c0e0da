# shellcheck shell=sh
# All that is asked of a router in one go; it only reads.

# list_runs: runs that are not over, or whose end nobody has seen yet: a line "RUN STATE" each.
list_runs() {
    for _f in "$home"/runs/*/armed "$home"/runs/*/claimed "$home"/runs/*/reverting \
        "$home"/runs/*/unseen; do
        if [ -e "$_f" ]; then
            _d=${_f%/*}
            printf '%s %s\n' "${_d##*/}" "${_f##*/}"
        fi
    done
}

# observe_all BACKEND ZONE: BACKEND may be auto; ZONE may be empty.
observe_all() {
    _units=$(systemctl show --property=Id,LoadState,ActiveState,UnitFileState firewalld.service \
        iptables.service ip6tables.service netfilter-persistent.service nftables.service \
        keepalived.service 2>&1)
    section units printf '%s\n' "$_units"
    section addresses ip -o addr show
    section runs list_runs
    if [ -L "$lock" ]; then section lock readlink "$lock"; fi
    # Blocks stand apart by an empty line; the first is firewalld's. On Debian the second is not
    # iptables.service's: that is another name of netfilter-persistent.service.
    case ${_units%%"

"*} in *ActiveState=active* | *ActiveState=reloading*) _running=yes ;; *) _running=no ;; esac
    case $1:$_running in
        firewalld:* | auto:yes) fw_observe "$2" "$_running" ;;
        *) ipt_observe ;;
    esac
}
