#!/bin/sh
# One scheduled compliance run: never two at once, never without an end, its reports in one folder.
# For systemd and for cron; arguments go to `lvsfleet compliance`.
#
# Exit codes: those of lvsfleet compliance (0 compliant, 1 not reached, 2 usage or inventory, 3 drift,
# 130 interrupted), and 75: another run is still going on; 124: it took too long and was stopped.
set -eu

lvsfleet=${LVSFLEET:-/opt/lvsfleet/.venv/bin/lvsfleet}
folder=${STATE_DIRECTORY:-/var/lib/lvsfleet-compliance}
seconds=${LVSFLEET_COMPLIANCE_SECONDS:-900}
export LVSFLEET_INVENTORY="${LVSFLEET_INVENTORY:-/etc/lvsfleet/inventory}"

# systemd hands the key over in memory; it looks to lvsfleet like anybody's ~/.ssh/id_ed25519.
if [ -n "${CREDENTIALS_DIRECTORY:-}" ]; then
    if [ ! -r "$CREDENTIALS_DIRECTORY/ssh-key" ]; then
        echo "lvsfleet-compliance: systemd handed no key over; see LoadCredential= in the unit" >&2
        exit 2
    fi
    HOME=${RUNTIME_DIRECTORY:?is set by RuntimeDirectory=}
    export HOME
    (umask 077 && mkdir -p "$HOME/.ssh")
    ln -sfn "$CREDENTIALS_DIRECTORY/ssh-key" "$HOME/.ssh/id_ed25519"
fi

# flock keeps the lock itself (-o): what a run might leave behind cannot hold it.
code=0
flock -o --nonblock --conflict-exit-code 75 "$folder/lock" \
    timeout --signal=TERM --kill-after=60 "$seconds" \
    "$lvsfleet" compliance --output "$folder/compliance.txt" \
    --report "html=$folder/index.html,json=$folder/compliance.json,prometheus=$folder/lvsfleet.prom" \
    "$@" || code=$?
case $code in
75) echo "lvsfleet-compliance: another run is still going on; this one did nothing" >&2 ;;
124 | 137) echo "lvsfleet-compliance: stopped after $seconds s; its reports tell only of what it saw by then" >&2 ;;
esac
exit "$code"
