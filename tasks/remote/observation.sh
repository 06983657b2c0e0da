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

# runs UNIT: whether the answer of systemctl in _units says so.
runs() {
    case $_units in *"Id=$1.service
"*) _block=${_units#*"Id=$1.service
"} ;; *) return 1 ;; esac
    case ${_block%%"

"*} in *ActiveState=active* | *ActiveState=reloading*) ;; *) return 1 ;; esac
}

# has_ours BACKEND: whether there is something of ours in it for the next boot, as whatever has been
# rolled out is.
has_ours() {
    case $1 in
        firewalld) [ -s "$home/owned" ] ;;
        nftables) [ -f "$nft_file" ] ;;
        iptables) grep -qs LVSFLEET- /etc/iptables/rules.v? /etc/sysconfig/ip*tables ;;
    esac
}

# observe_all BACKENDS ZONE: BACKENDS with a comma between, the first may be auto: it has the marks. Of
# the others those are asked that are named, or have something of ours. ZONE may be empty.
observe_all() {
    # Each start of nft counts in a look: all that asks which tables there are goes by one answer.
    nft_tables=
    if have nft; then nft_tables=$(nft list tables 2>/dev/null); fi
    _units=$(systemctl show --property=Id,LoadState,ActiveState,UnitFileState firewalld.service \
        iptables.service ip6tables.service netfilter-persistent.service nftables.service \
        keepalived.service lvsfleet-nftables.service lvsfleet-drain.service 2>&1)
    section units printf '%s\n' "$_units"
    section addresses ip -o addr show
    section runs list_runs
    if [ -L "$lock" ]; then section lock readlink "$lock"; fi
    # Blocks stand apart by an empty line; the first is firewalld's. On Debian the second is not
    # iptables.service's: that is another name of netfilter-persistent.service.
    case ${_units%%"

"*} in *ActiveState=active* | *ActiveState=reloading*) _running=yes ;; *) _running=no ;; esac
    case ${1%%,*}:$_running in
        firewalld:* | auto:yes) _main=firewalld ;;
        nftables:*) _main=nftables ;;
        iptables:*) _main=iptables ;;
        *)
            if [ -L "/etc/systemd/system/multi-user.target.wants/$nft_unit" ]; then
                _main=nftables
            elif runs iptables || runs netfilter-persistent; then
                _main=iptables
            else
                _main=nftables
            fi
            ;;
    esac
    as_drain drain_observe
    for _filter in firewalld iptables nftables; do
        case ,$_main,$1, in
            *",$_filter,"*) ;;
            *) has_ours "$_filter" || continue ;;
        esac
        case $_filter in
            firewalld) fw_observe "$2" "$_running" ;;
            iptables) ipt_observe ;;
            nftables) nft_observe ;;
        esac
    done
}
