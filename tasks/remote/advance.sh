# shellcheck shell=sh
# advance NONCE RUN PARTS, the parts on stdin: one more step of a run whose revert is armed; that takes
# them back, too.

trap '' HUP PIPE
run=$1
parts=$2
dir=$home/runs/$run
take_up "$dir"
still_armed "$dir"

# drop: nothing was changed, so nothing is left behind.
drop() { for _part in $parts; do rm -rf "${dir:?}/$_part"; done; }
trap drop EXIT
receive "$dir" "$parts" || fail preflight "the change did not arrive whole, or $dir is full"
check_parts "$dir" "$parts"
begin_parts "$dir" "$parts" || fail preflight "cannot write to $dir"
for part in $parts; do sync "$dir/$part"; done
trap - EXIT

said=$(section apply apply_parts "$dir" "$parts")
exec 9<&-
printf '%s\n' "$said"
tell_tests "$dir" "$parts"
