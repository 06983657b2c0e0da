# shellcheck shell=sh
# recover NONCE boot: what a reboot interrupted, brought to its end before any filter is loaded. What
# was claimed is saved to the end; all else is as it was before, for the runtime is gone.

for dir in "$home"/runs/*; do
    if [ -e "$dir/armed" ]; then move "$dir" armed reverting; fi
    if [ -e "$dir/reverting" ]; then
        if [ "$(cat "$dir/backend")" = firewalld ]; then fw_mend "$dir"; fi
        undo_saved "$dir" >"$dir/report" 2>&1 && finish "$dir" reverted
        date +%s >"$dir/unseen"
    elif [ -e "$dir/claimed" ]; then
        case $(cat "$dir/backend") in
            firewalld) fw_mend "$dir" && fw_save "$dir" ;;
            iptables) ipt_write "$dir" ;;
        esac >"$dir/report" 2>&1 && put_owned "$dir" owned && finish "$dir" "done"
        date +%s >"$dir/unseen"
    fi
done
