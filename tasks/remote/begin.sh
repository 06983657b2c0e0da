# shellcheck shell=sh
# begin NONCE RUN SECONDS WHO BREAK, the change on stdin: lock, compare, snapshot, arm the revert,
# apply. Nothing of the router's filtering is changed before the revert is armed. A controller that
# goes away does not stop it half-way: the timer decides then.

trap '' HUP PIPE
run=$1
seconds=$2
who=$3
breaking=$4
dir=$home/runs/$run

mkdir -p "$home/runs" 2>/dev/null || fail preflight "cannot write to $home"
room=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
[ "${room:-0}" -ge 2048 ] || fail preflight "$home has ${room:-no} KiB left; a snapshot wants 2048"

# holder: whose lock it is, and whether that run still has something to do here.
holder() {
    _words=$(readlink "$lock")
    _held=$home/runs/${_words%% *}
    _state=stale
    for _s in armed claimed reverting; do
        if [ -e "$_held/$_s" ]; then _state=$_s; fi
    done
    # Armed without a timer: it fired and could not do its work, as on a disk that takes no writes.
    if [ "$_state" = armed ] && [ -d /run/systemd/system ] &&
        ! systemctl is-active --quiet "lvsfleet-${_words%% *}.timer" "lvsfleet-${_words%% *}.service"; then
        _state=stale
    fi
    _since=${_words#* }
    _since=${_since%% *}
    # A run that is only beginning has no state yet.
    if [ "$_state" = stale ] && [ $(($(date +%s) - ${_since:-0})) -lt 60 ]; then _state=beginning; fi
    printf '%s %s' "$_state" "$_words"
}

# A link is made with its text in one step, so a lock always says whose it is.
take_lock() { ln -s "$run $(date +%s) $who" "$lock" 2>/dev/null; }
if ! take_lock; then
    held=$(holder)
    _held=${held#* }
    _held=$home/runs/${_held%% *}
    case $breaking:$held in
        yes:stale*)
            mv "$_held/armed" "$_held/abandoned" 2>/dev/null
            rm -f "$lock"
            ;;
        *) fail locked "$held" ;;
    esac
    take_lock || fail locked "$(holder)"
fi
trap 'rm -f "$lock"' EXIT

mkdir "$dir" "$dir/do" "$dir/undo" "$dir/save" "$dir/before" || fail preflight "cannot write to $dir"
hold "$dir" 1
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
if [ "$backend" = iptables ]; then
    why=$(ipt_ready "$dir/do") || fail preflight "the kernel takes no marks: $why"
fi
snapshot "$dir" || fail preflight "there is no room for a snapshot in $dir"
send_snapshot "$dir"

for other in "$home"/runs/*/unseen; do
    if [ -e "$other" ]; then rm -f "$other"; fi
done
install_recovery "$dir" || fail preflight "cannot write to $units, so a reboot could not finish the change"
true >"$dir/armed" || { remove_recovery; fail preflight "cannot write to $dir"; }
sync
if [ -d /run/systemd/system ] && have systemd-run; then
    systemd-run --quiet --collect --unit="lvsfleet-$run" --on-active="$seconds" \
        --timer-property=AccuracySec=100ms /bin/sh "$dir/revert.sh" - "$run" timer 2>&1
else
    # shellcheck disable=SC2016 # the inner shell expands its own arguments
    setsid /bin/sh -c 'sleep "$1"; exec /bin/sh "$2" - "$3" timer' - "$seconds" "$dir/revert.sh" "$run" \
        </dev/null >/dev/null 2>&1 9>&- &
fi || { rm -f "$dir/armed"; remove_recovery; fail preflight "the revert could not be armed"; }
trap - EXIT # from here on the lock is the run's: commit or revert takes it away
section armed date +%s

if [ -f "$dir/owned-meanwhile" ]; then replace "$home/owned" "$dir/owned-meanwhile"; fi
case $backend in
    firewalld) section apply fw_apply "$dir/do" ;;
    iptables) section apply ipt_apply "$dir/do" ;;
esac
