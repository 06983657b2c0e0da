# shellcheck shell=sh
# Saving what a run did; or taking it back: exactly that, and nothing that others did meanwhile.

# save_all DIR: for the next boot, what runs. Again does no harm.
save_all() {
    true >"$1/saving" || return
    case $(cat "$1/backend") in
        firewalld) fw_save "$1" ;;
        iptables) ipt_save "$1" ;;
        nftables) nft_save "$1" ;;
    esac && put_owned "$1" owned
}

# save_at_boot DIR, undo_at_boot DIR: the same, and the opposite, after a power cut in the middle of it
# and before any filter is loaded.
save_at_boot() {
    true >"$1/saving" || return
    case $(cat "$1/backend") in
        firewalld) fw_mend "$1" && fw_save "$1" ;;
        iptables) put_files "$1" ;; # without a test: the tables may not be there yet
        nftables) nft_save "$1" && nft_boot ;;
    esac && put_owned "$1" owned
}

undo_at_boot() {
    case $(cat "$1/backend") in
        firewalld) fw_mend "$1" && undo_saved "$1" ;;
        iptables) undo_saved "$1" ;;
        nftables) undo_saved "$1" && nft_boot ;;
    esac
}

# undo_saved DIR: what is loaded at boot, as it was.
undo_saved() {
    if [ -f "$1/saving" ] || [ -f "$1/do/start" ]; then
        case $(cat "$1/backend") in
            firewalld) fw_unsave "$1" ;;
            iptables) ipt_unsave "$1" ;;
            nftables) nft_unsave "$1" ;;
        esac || return
    fi
    put_owned "$1" before/owned
}

# undo_all DIR: what is saved and what runs, in this order, since a daemon that has to be started anew
# loads what is saved. Says whether the runtime is what it was before.
undo_all() {
    _unsaved=yes
    undo_saved "$1" || _unsaved=no
    case $(cat "$1/backend") in
        firewalld) fw_unapply "$1" && _now=$(fw_seen "$1/do") ;;
        iptables) ipt_unapply "$1" && _now=$(ipt_seen) ;;
        nftables) nft_unapply "$1" && _now=$(nft_seen) ;;
    esac && [ "$_unsaved" = yes ] || return
    if [ "${_now%% *}" = "$(cat "$1/seen")" ]; then
        printf 'as it was before\n'
    else
        printf 'taken back; others changed rules meanwhile\n'
    fi
}

# undo_stubbornly DIR: again where something was in the way for a moment, e.g. a lock.
undo_stubbornly() {
    for _try in 1 2 3 4 5 6; do
        if undo_all "$1"; then return 0; fi
        sleep "$_try"
    done
    return 1
}
