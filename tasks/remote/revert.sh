# shellcheck shell=sh
# revert NONCE RUN timer|asked: take back exactly what the change of RUN did. The timer only takes
# back what was not committed; who asks may also take back a commit.

run=$1
asked=$2
dir=$home/runs/$run

claim() {
    mv "$dir/armed" "$dir/reverting" && return
    [ "$asked" = asked ] || return
    mv "$dir/claimed" "$dir/reverting" || mv "$dir/done" "$dir/reverting"
}

undo() {
    case $backend in
        firewalld)
            fw_apply "$dir/undo" || return
            if [ -f "$dir/saving" ] || [ -f "$dir/undo/stop" ]; then
                fw_unsave "$dir/undo" "$dir/before" || return
            fi
            ;;
        iptables)
            ipt_apply "$dir/undo" || return
            if [ -f "$dir/saving" ]; then ipt_unsave "$dir/save" "$dir/before" || return; fi
            ;;
    esac
    if [ -f "$dir/before/owned" ]; then
        replace "$home/owned" "$dir/before/owned"
    else
        rm -f -- "$home/owned"
    fi
}

claim 2>/dev/null || fail lost "there is nothing to take back"
read -r backend <"$dir/backend"
section undo undo >"$dir/report" 2>&1
cat -- "$dir/report"
case $(tail -n 1 "$dir/report") in
    *' undo 0') mv "$dir/reverting" "$dir/reverted" && rm -f "$lock" ;;
esac
systemctl stop "lvsfleet-$run.timer" 2>/dev/null
