# shellcheck shell=sh
# reread NONCE RUN PART SECONDS: have keepalived read the files that PART of a run wrote. Who listed other
# VIPs than the cluster's other routers for long would make two MASTERs: unless `follow` says in so
# many seconds that all of them have read theirs, it is taken back, whoever died.

trap '' HUP PIPE
dir=$home/runs/$1
part=$dir/$2
hold "$dir" 30 || fail busy "another step of this run is still at work"
if [ -e "$back" ] || [ ! -e "$dir/armed" ]; then
    fail lost "the router took the change back before it was complete"
fi
for mark in reread alone; do
    true >"$part/$mark" || fail preflight "cannot write to $dir"
done
sync "$part"
setsid /bin/sh "$dir/watch.sh" - "$1" "$3" "$part" </dev/null >/dev/null 2>&1 9<&- &
section reread ka_reload
