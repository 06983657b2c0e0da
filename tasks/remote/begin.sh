# shellcheck shell=sh
# begin NONCE RUN SECONDS WHO, the change on stdin: lock, compare, snapshot, arm the revert, apply.
# Nothing of the router's is changed before the revert is armed.

run=$1
seconds=$2
who=$3
dir=$home/runs/$run

mkdir -p "$home/runs" || fail preflight "cannot write to $home"
room=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
[ "${room:-0}" -ge 2048 ] || fail preflight "$home has ${room:-no} KiB left; a snapshot wants 2048"

# A link is made with its text in one step, so a lock always says whose it is.
ln -s "$run $(date +%s) $who" "$lock" 2>/dev/null || fail locked "$(readlink "$lock")"
trap 'rm -f "$lock"' EXIT

mkdir "$dir" "$dir/do" "$dir/undo" "$dir/save" "$dir/before" || fail preflight "cannot write to $dir"
awk -v dir="$dir" -v mark="@@$nonce" \
    '$1 == mark { if (out) close(out); out = dir "/" $2; printf "" >out; next } { print >out }' ||
    fail preflight "cannot write to $dir"
[ -f "$dir/end" ] || fail preflight "the change did not arrive whole, or $dir is full"
read -r backend <"$dir/backend"
read -r seen <"$dir/seen"

case $backend:$seen in
    *:-) now=- ;; # nothing runs yet that could have changed
    firewalld:*) now=$(fw_seen "$dir/do") ;;
    iptables:*) now=$(ipt_seen) ;;
esac
[ "${now%% *}" = "$seen" ] || fail changed-meanwhile "the rules are not those that the plan was made for"

case $backend in
    firewalld) fw_snapshot "$dir/do" "$dir/before" || fail preflight "no snapshot in $dir" ;;
    iptables)
        why=$(ipt_ready "$dir/do") || fail preflight "the kernel takes no marks: $why"
        ipt_snapshot "$dir/save" "$dir/before" || fail preflight "no snapshot in $dir"
        ;;
esac
if [ -f "$home/owned" ]; then cp -p -- "$home/owned" "$dir/before/" || fail preflight "no snapshot"; fi
sync

: >"$dir/armed" || fail preflight "cannot write to $dir"
if [ -d /run/systemd/system ] && have systemd-run; then
    systemd-run --quiet --collect --unit="lvsfleet-$run" --on-active="$seconds" \
        --timer-property=AccuracySec=100ms /bin/sh "$dir/revert.sh" - "$run" timer 2>&1
else
    # shellcheck disable=SC2016 # the inner shell expands its own arguments
    setsid /bin/sh -c 'sleep "$1"; exec /bin/sh "$2" - "$3" timer' - "$seconds" "$dir/revert.sh" "$run" \
        </dev/null >/dev/null 2>&1 &
fi || { rm -f "$dir/armed"; fail preflight "the revert could not be armed"; }
trap - EXIT # from here on the lock is the run's: commit or revert takes it away

if [ -f "$dir/owned-meanwhile" ]; then replace "$home/owned" "$dir/owned-meanwhile"; fi
case $backend in
    firewalld) section apply fw_apply "$dir/do" ;;
    iptables) section apply ipt_apply "$dir/do" ;;
esac
