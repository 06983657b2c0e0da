# shellcheck shell=sh
# revert NONCE RUN timer|asked: take back exactly what the change of RUN did. The timer only takes
# back what was not committed; who asks may also take back a commit that did not turn out as wanted.

trap '' HUP PIPE
run=$1
asked=$2
dir=$home/runs/$run
[ -d "$dir" ] || fail lost "the router knows of no run $run"
# A step that still is at work ends first, so that nothing is applied after it was taken back.
hold "$dir" 130

win() {
    move "$dir" armed reverting && return
    # On a disk that takes no rename nobody can have committed, nor can while we hold the run.
    [ -e "$dir/armed" ] && return
    [ "$asked" = asked ] || return
    move "$dir" claimed reverting || move "$dir" "done" reverting
}
win || fail lost "there is nothing to take back"
report=$(section undo undo_stubbornly "$dir" 2>&1)
printf '%s\n' "$report"
case $report in *"> undo 0") finish "$dir" reverted ;; esac
printf '%s\n' "$report" >"$dir/report"
if [ "$asked" = timer ]; then date +%s >"$dir/unseen"; else disarm "$run"; fi
