# shellcheck shell=sh
# reread NONCE RUN PART: have keepalived read the files that PART of a run wrote.

trap '' HUP PIPE
dir=$home/runs/$1
hold "$dir" 30 || fail busy "another step of this run is still at work"
if [ -e "$back" ] || [ ! -e "$dir/armed" ]; then
    fail lost "the router took the change back before it was complete"
fi
true >"$dir/$2/reread" || fail preflight "cannot write to $dir"
sync "$dir/$2"
section reread ka_reload
