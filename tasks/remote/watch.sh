# shellcheck shell=sh
# watch NONCE RUN [SECONDS]: what the timer starts, or with SECONDS is the timer itself: revert, and
# again where that died or something was in its way.

run=$1
if [ $# -gt 1 ]; then sleep "$2"; fi
for _ in 1 2 3 4 5 6; do
    /bin/sh "$home/runs/$run/revert.sh" - "$run" timer && exit
    sleep 5
done
exit 1
