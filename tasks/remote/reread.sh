# shellcheck shell=sh
# reread NONCE RUN PART SECONDS: have keepalived read the files that PART of a run wrote. Who listed other
# VIPs than the cluster's other routers for long would make two MASTERs: unless `follow` says in so
# many seconds that all of them have read theirs, it is taken back, whoever died.

trap '' HUP PIPE
dir=$home/runs/$1
part=$dir/$2
take_up "$dir"
still_armed "$dir"
for mark in reread alone; do
    true >"$part/$mark" || fail preflight "cannot write to $dir"
done
sync "$part"
setsid /bin/sh "$dir/watch.sh" - "$1" "$3" "$part" </dev/null >/dev/null 2>&1 9<&- &
section reread ka_reload
