# shellcheck shell=sh
# survey NONCE: what the router filters with and what keepalived is told, whoever put it there; it
# only reads. Beyond an observation: every zone that somebody uses, every packet filter, all of
# keepalived's files.

# used_zones: the default zone, those with interfaces or sources, and those with a file of their own.
used_zones() {
    {
        printf '%s\n' "$1"
        if [ "$2" = yes ]; then firewall-cmd --get-active-zones | sed -n '/^[^[:space:]]/s/ .*//p'; fi
        for _f in /etc/firewalld/zones/*.xml; do
            if [ -f "$_f" ]; then basename "$_f" .xml; fi
        done
    } 2>/dev/null | awk '!seen[$0]++' | tr '\n' ' '
}

observe_all auto ''
if systemctl is-active --quiet firewalld; then
    _default=$(fw_default yes)
    _zones=$(used_zones "$_default" yes)
    fw_observe "${_zones% }" yes
fi
ipt_observe
nft_observe
if have nft; then section nft:ruleset nft --json list ruleset; fi
ka_observe
