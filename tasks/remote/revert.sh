# shellcheck shell=sh
# revert NONCE RUN timer|asked: take back exactly what the change of RUN did. The timer takes back
# what was not committed, and finishes a commit that died; who asks may also take back a commit that
# did not turn out as wanted. It can be done again, from wherever it stopped.

trap '' HUP PIPE
run=$1
asked=$2
dir=$home/runs/$run

# nothing: this is over, or was never begun; whoever died at it may have left the lock behind.
nothing() {
    release "$run"
    if [ "$asked" = timer ]; then exit 0; fi
    fail lost "there is nothing to take back"
}
[ -d "$dir" ] || nothing

# again_locked: a run that is over has no lock any more, and another one may have begun since. Nor does
# it have a timer; again somebody must come if this is killed.
again_locked() {
    arm "$run" 5 >/dev/null
    if ! take_lock "$run" revert && [ "$(lock_run)" != "$run" ]; then
        disarm "$run"
        fail locked "$(holder)"
    fi
    install_recovery "$dir" && move "$dir" "done" reverting
}

# A boot takes the lock away, and its recovery may still be at work.
if [ "$asked" = asked ] && [ ! -L "$lock" ]; then booted || fail busy "the router is still booting"; fi

# A step that still is at work ends first, so that nothing is applied after it was taken back. All that
# changes something has an end of its own, long before that of this patience.
case $asked in timer) patience=600 ;; *) patience=130 ;; esac
held=yes
hold "$dir" "$patience" || held=no
if move "$dir" armed reverting; then
    true # also from one that hangs before its claim
elif [ "$held" = no ]; then
    fail busy "another step of this run is still at work"
elif [ -e "$dir/reverting" ]; then
    true # another one died at it
elif [ -e "$dir/armed" ]; then
    # On a disk that takes no rename nobody can have committed, nor can while we hold the run; nor
    # later, when it takes one again.
    true >"$back"
elif [ -e "$dir/claimed" ] && [ "$asked" = timer ]; then
    if save_all "$dir" >"$dir/report" 2>&1; then
        finish "$dir" claimed "done" || exit 1
        date +%s >"$dir/unseen"
        exit 0
    fi
    # On a disk that takes no rename it stays claimed, so it must stay applied.
    move "$dir" claimed reverting || exit 1
elif [ -e "$dir/claimed" ]; then
    move "$dir" claimed reverting || fail busy "the disk takes no writes"
elif [ -e "$dir/done" ] && [ "$asked" = asked ]; then
    again_locked || nothing
else
    nothing
fi

report=$(section undo undo_stubbornly "$dir" 2>&1)
printf '%s\n' "$report" >"$dir/report"
case $report in
    *"> undo 0")
        if [ "$asked" = timer ]; then date +%s >"$dir/unseen"; fi
        if finish "$dir" reverting reverted; then
            disarm "$run" # also where `reread` had somebody besides the timer wait
        elif [ "$asked" = timer ]; then
            exit 1
        fi
        ;;
    *) if [ "$asked" = timer ]; then exit 1; fi ;; # and the timer tries again
esac
exec 9<&-
printf '%s\n' "$report"
