# shellcheck shell=sh
# begin NONCE RUN SECONDS WHO BREAK PARTS, the change on stdin: lock, snapshot, compare, arm the revert,
# apply. Nothing of the router's filtering is changed before the revert is armed. A controller that
# goes away does not stop it half-way: the timer decides then. Nothing that stands between the arming
# and the end of the change is printed before that end: a dead line would hold it up, and what a
# revert has taken back would be applied after it.

trap '' HUP PIPE
read -r since _ </proc/uptime
run=$1
seconds=$2
who=$3
breaking=$4
parts=$5
dir=$home/runs/$run

# What was looked at may be half of what a boot makes of an earlier run.
if [ ! -L "$lock" ] && [ -L "$units/sysinit.target.wants/$recovery" ] && booting; then
    booted || fail preflight "the router is still booting"
    fail changed-meanwhile "the router was just booting"
fi

[ -d "$home/runs" ] || mkdir -p "$home/runs" 2>/dev/null || fail preflight "cannot write to $home"
room=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
[ "${room:-0}" -ge 2048 ] || fail preflight "$home has ${room:-no} KiB left; a snapshot wants 2048"

# Who finds the lock stale, takes it or makes a folder of its own is alone at that.
exec 8<"$home/runs"
if have flock; then flock -w 10 8 || fail preflight "others have been taking the lock for 10 s"; fi
if ! take_lock "$run" "$who"; then
    held=$(holder)
    case $breaking:$held in
        yes:stale*)
            abandon "$home/runs/$(lock_run)"
            rm -f "$lock" "$back"
            ;;
        *) fail locked "$held" ;;
    esac
    take_lock "$run" "$who" || fail locked "$(holder)"
fi
trap 'release "$run"' EXIT
mkdir "$dir" "$dir/before" || fail preflight "cannot write to $dir"
hold "$dir" 1 || fail preflight "$dir is in use"
# A revert that came before that found nothing to do, and took the lock away.
[ "$(lock_run)" = "$run" ] || fail preflight "the change was given up before it began"
exec 8<&-

# give_up: nothing was changed, so nothing is left behind.
give_up() {
    disarm "$run"
    rm -rf "$dir"
    release "$run"
}
trap give_up EXIT
receive "$dir" "$parts" || fail preflight "the change did not arrive whole, or $dir is full"

snapshot "$dir" || fail preflight "there is no room for a snapshot in $dir"
send_snapshot "$dir" || fail preflight "there is no room for a snapshot in $dir"

check_parts "$dir" "$parts"

begin_parts "$dir" "$parts" || fail preflight "cannot write to $dir"
install_recovery "$dir" || fail preflight "cannot write to $units, so a reboot could not finish the change"
sync
# The timer first: whatever dies from here on, somebody comes and looks at what there is to do. Routers of
# a cluster do so at the same time, so what was done until now counts.
seconds=$(awk -v all="$seconds" -v since="$since" \
    '{ left = all - ($1 - since); print (left > 1 ? left : 1) }' /proc/uptime)
why=$(arm "$run" "$seconds") || fail preflight "the revert could not be armed: $why"
for other in "$home"/runs/*; do
    # What others left behind is what this change builds upon: nobody may take it back any more.
    if [ "$other" != "$dir" ]; then abandon "$other"; fi
    if [ -e "$other/unseen" ]; then rm -f "$other/unseen"; fi
done
true >"$dir/armed" || fail preflight "cannot write to $dir"
sync "$dir"
trap - EXIT # from here on the lock is the run's: commit or revert takes it away

said=$(section apply apply_parts "$dir" "$parts")
exec 9<&- # the change is made: a revert need not wait for the line
printf '%s\n' "$said"
tell_tests "$dir" "$parts"
