# shellcheck shell=sh
# recover NONCE boot: what a reboot interrupted, brought to its end before any filter is loaded. What
# was claimed is saved to the end; all else is as it was before, for the runtime is gone.

# The lock does not survive a boot. Where there is one this is none: somebody reloaded systemd and
# started something in the middle of a run, and the run's own steps are at work.
if [ -L "$lock" ]; then exit 0; fi

left=
for dir in "$home"/runs/*; do
    over=
    if [ -e "$dir/armed" ]; then move "$dir" armed reverting; fi
    if [ -e "$dir/claimed" ]; then
        if save_at_boot "$dir" >"$dir/report" 2>&1; then
            finish "$dir" claimed "done"
            over=yes
        else
            move "$dir" claimed reverting
        fi
    fi
    if [ -e "$dir/reverting" ]; then
        undo_at_boot "$dir" >>"$dir/report" 2>&1 && finish "$dir" reverting reverted
        over=yes
    fi
    if [ "$over" ]; then date +%s >"$dir/unseen"; fi
    if [ -e "$dir/claimed" ] || [ -e "$dir/reverting" ]; then left=yes; fi
done
# A run that was cut off before it changed anything leaves nothing to do but this.
if [ ! "$left" ]; then remove_recovery; fi
