# shellcheck shell=sh
# follow NONCE RUN PART: the cluster's other routers have read their files, too. One rename decides
# between this and what `reread` left behind.

part=$home/runs/$1/$2
mv "$part/alone" "$part/followed" 2>/dev/null ||
    fail lost "the others did not follow in time, so the router took the change back"
section follow true
