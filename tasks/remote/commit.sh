# shellcheck shell=sh
# commit NONCE RUN BACKEND ZONE: win the claim against the armed revert, save, read back, unlock.

trap '' HUP PIPE
run=$1
dir=$home/runs/$run
read -r backend <"$dir/backend" || fail lost "the router knows of no run $run"
hold "$dir" 30

if [ "$backend" = iptables ]; then
    why=$(ipt_check_saved "$dir/save") || fail changed-meanwhile "$why"
fi
# One rename decides: of commit and revert, only one finds the file.
move "$dir" armed claimed || fail lost "the router took the change back before it was confirmed"
disarm "$run"

save() {
    true >"$dir/saving" || return
    case $backend in
        firewalld) fw_save "$dir" ;;
        iptables) ipt_save "$dir" ;;
    esac && put_owned "$dir" owned
}
saved=$(section save save 2>&1)
printf '%s\n' "$saved"
case $saved in
    *"> save 0")
        observe_all "$2" "$3"
        finish "$dir" "done"
        prune
        ;;
    *)
        move "$dir" claimed reverting
        section undo undo_stubbornly "$dir"
        finish "$dir" reverted
        ;;
esac
