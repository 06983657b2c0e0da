# shellcheck shell=sh
# commit NONCE RUN BACKEND ZONE: win the claim against the armed revert, save, read back, unlock.

run=$1
dir=$home/runs/$run
read -r backend <"$dir/backend" || fail lost "no such run"

if [ "$backend" = iptables ]; then
    why=$(ipt_check_saved "$dir/save") || fail changed-meanwhile "$why"
fi
# One rename decides: of commit and revert, only one finds the file.
mv "$dir/armed" "$dir/claimed" 2>/dev/null || fail lost "the revert came first"
systemctl stop "lvsfleet-$run.timer" 2>/dev/null

: >"$dir/saving"
case $backend in
    firewalld) section save fw_save "$dir/save" ;;
    iptables) section save ipt_save "$dir/save" ;;
esac
if [ -f "$dir/owned" ]; then section owned replace "$home/owned" "$dir/owned"; fi
observe_all "$2" "$3"
mv "$dir/claimed" "$dir/done" && rm -f "$lock"
