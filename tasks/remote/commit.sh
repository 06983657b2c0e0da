# shellcheck shell=sh
# commit NONCE RUN BACKEND ZONE: win the claim against the armed revert, save, read back, unlock.

trap '' HUP PIPE
run=$1
dir=$home/runs/$run
take_up "$dir"

why=$(check_saved "$dir") || fail changed-meanwhile "$why"
# One rename decides: of commit and revert, only one finds the file.
if [ -e "$back" ] || ! move "$dir" armed claimed; then
    fail lost "the router took the change back before it was confirmed"
fi

# The answer comes last: a dead line may hold it up for as long as it wants.
said=$(section save save_all "$dir" 2>&1)
case $said in
    *"> save 0")
        said=$said$(observe_all "$2" "$3")
        finish "$dir" claimed "done" && disarm "$run" # else the timer tries that again
        prune
        ;;
    *)
        # On a disk that takes no rename it stays claimed, so it must stay applied.
        if move "$dir" claimed reverting; then
            said=$said$(section undo undo_stubbornly "$dir" 2>&1)
        fi
        case $said in
            *"> undo 0") finish "$dir" reverting reverted && disarm "$run" ;;
        esac # else the timer goes on
        ;;
esac
exec 9<&-
printf '%s\n' "$said"
