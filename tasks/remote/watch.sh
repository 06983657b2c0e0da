# shellcheck shell=sh
# watch NONCE RUN [SECONDS [PART]]: what the timer starts, or with SECONDS is the timer itself: revert,
# and again where that died or something was in its way. With PART only if that is alone still.

run=$1
if [ $# -gt 1 ]; then sleep "$2"; fi
if [ $# -gt 2 ]; then mv "$3/alone" "$3/left" 2>/dev/null || exit 0; fi
# What was in the way may stay there for minutes, as a disk that takes no writes does.
for pause in 5 5 5 5 5 5 5 5 5 5 5 5 10 10 10 10 10 10 30 30 30 30 60 60 60 60 60 60; do
    /bin/sh "$home/runs/$run/revert.sh" - "$run" timer && exit
    sleep "$pause"
done
exit 1
