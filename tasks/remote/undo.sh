# shellcheck shell=sh
# Saving what a run did; or taking it back: exactly that, and nothing that others did meanwhile.

# save_all DIR: for the next boot, what runs. Again does no harm.
save_all() {
    for part in $(to_save "$1"); do
        true >"$part/saving" || return
        case ${part##*-} in
            firewalld) fw_save "$part" ;;
            iptables) ipt_save "$part" ;;
            nftables | drain) as_table_of "$part" nft_save "$part" ;;
            keepalived) true ;; # its files are what it runs by
        esac && put_owned "$part" owned || return
    done
}

# save_at_boot DIR, undo_at_boot DIR: the same, and the opposite, after a power cut in the middle of it
# and before any filter is loaded.
save_at_boot() {
    for part in $(to_save "$1"); do
        true >"$part/saving" || return
        case ${part##*-} in
            firewalld) fw_mend "$part" && fw_save "$part" ;;
            iptables) put_files "$part" ;; # without a test: the tables may not be there yet
            nftables | drain) as_table_of "$part" nft_save "$part" && as_table_of "$part" nft_boot ;;
        esac && put_owned "$part" owned || return
    done
}

undo_at_boot() {
    for part in $(parts_back "$1"); do
        case ${part##*-} in
            firewalld) fw_mend "$part" && undo_saved "$part" ;;
            iptables) undo_saved "$part" ;;
            nftables | drain) undo_saved "$part" && as_table_of "$part" nft_boot ;;
            keepalived) undo_saved "$part" ;;
        esac || return
    done
}

# undo_saved PART: what is loaded at boot, as it was.
undo_saved() {
    if [ "${1##*-}" = keepalived ]; then
        ka_unapply "$1"
        return
    fi
    if [ -f "$1/saving" ] || [ -f "$1/do/start" ]; then
        case ${1##*-} in
            firewalld) fw_unsave "$1" ;;
            iptables) ipt_unsave "$1" ;;
            nftables | drain) as_table_of "$1" nft_unsave "$1" ;;
        esac || return
    fi
    put_owned "$1" before/owned
}

# undo_all DIR: of each part what is saved and what runs, in this order, since a daemon that has to be
# started anew loads what is saved; keepalived lets go of a VIP before its marks go. Says whether the
# runtime is what it was before.
undo_all() {
    undone=yes
    alike=yes
    reread=
    for part in $(parts_back "$1"); do
        undo_saved "$part" || undone=no
        case ${part##*-} in
            keepalived) if [ -e "$part/reread" ]; then reread=yes; fi ;;
            *) reread_once || undone=no ;;
        esac
        case ${part##*-} in
            firewalld) fw_unapply "$part" ;;
            iptables) ipt_unapply "$part" ;;
            nftables | drain) as_table_of "$part" nft_unapply "$part" ;;
        esac && _now=$(part_now "$part") || undone=no
        [ "${_now%% *}" = "$(cat "$part/seen")" ] || alike=no
    done
    reread_once || undone=no
    [ "$undone" = yes ] || return
    if [ "$alike" = yes ]; then
        printf 'as it was before\n'
    else
        printf 'taken back; others changed rules meanwhile\n'
    fi
}

# reread_once: keepalived reads its files once, however many parts had changed them.
reread_once() {
    [ "$reread" ] || return 0
    reread=
    ka_reload
}

# undo_stubbornly DIR: again where something was in the way for a moment, e.g. a lock.
undo_stubbornly() {
    for _try in 1 2 3 4 5 6; do
        if undo_all "$1"; then return 0; fi
        sleep "$_try"
    done
    return 1
}
