#!/usr/bin/env bash
# The demonstration: a fleet of real routers, brought from no marks to all of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
lvsfleet=.venv/bin/lvsfleet

bold='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ lvsfleet %s%s\n' "$bold" "$*" "$plain"; }
run() {
    show "$@"
    "$lvsfleet" "$@"
}

say "1. Six real routers: three clusters, on firewalld, iptables as on Debian, iptables as on RHEL."
run lab up
# A lab that is up from an earlier time starts from bare routers again.
used=()
for router in ams1 ams2 fra1 fra2 lon1 lon2; do
    if "$lvsfleet" lab exec "$router" test -d /var/lib/lvsfleet; then used+=("$router"); fi
done
if [ "${#used[@]}" -gt 0 ]; then run lab reset "${used[@]}"; fi
run lab status
say "Nothing is marked yet: a packet to each VIP, from its site's client."
run lab marks

say "2. What a rollout would do, as a diff. Nothing is changed."
run rollout --dry-run || [ $? = 3 ]

say "3. The rollout: a canary, the BACKUPs, the MASTERs; each verified over a new connection, then saved."
show rollout
"$lvsfleet" rollout | sed -n '/^ROUTER/,$p' # the diff was just shown
run rollout
say "The second one, above, found nothing to do."

say "4. The marks, asked of the routers themselves, and of packets."
run lab exec ams1 firewall-cmd --list-rich-rules
run lab exec fra1 iptables -t mangle -S LVSFLEET-MARK
run lab marks

cat <<END

${bold}What to try next${plain}
  source .venv/bin/activate                 so that lvsfleet is on your PATH
  lvsfleet lab reboot ams1                  pull its plug; then: lvsfleet lab marks
  \$EDITOR inventory/groups.yaml             give web another port, then: lvsfleet rollout --dry-run
  lvsfleet inventory show fra1              what fra1 should be, and how to type it by hand
  lvsfleet history                          what was changed, when; lvsfleet rollback RUN takes it back
  ssh -F /var/lib/lvsfleet-lab/0/ssh_config ams1
  lvsfleet lab down                         nothing is left
END
