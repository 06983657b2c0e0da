"""Many mark rules in one zone of firewalld: every way to add them, running and saved, side by side.

Brings up a lab of its own (number 5, one firewalld router) and starts firewalld anew before each
way, so each begins with the same zone. Prints seconds per way and number of rules. Needs root.

    python -m benchmarks.firewalld_many_rules [--rules 100,300,1000]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from lab.fleet import Lab
from lab.topology import Kind

ROUTER = "ams1"
BULK = Path(__file__).parents[1] / "tasks" / "remote" / "firewalld_bulk.py"
RULES = r"""
seq 1 "$1" | awk '{ printf "rule family=\"ipv4\" destination address=\"10.%d.%d.7/32\"" \
    " port port=\"80\" protocol=\"tcp\" mark set=\"80\"\n", $1 / 256, $1 % 256 }' >/tmp/rules
cut -d'"' -f4 /tmp/rules >/tmp/addresses
[ -f /root/public.xml ] || cp /etc/firewalld/zones/public.xml /root/public.xml
cp /root/public.xml /etc/firewalld/zones/public.xml
systemctl reset-failed firewalld
systemctl restart firewalld
firewall-cmd --state
"""
CLIENT = r"""
from firewall.client import FirewallClient
client = FirewallClient(quiet=True)
for line in open("/tmp/rules"):
    client.addRichRule("public", line.strip())
"""
SETTINGS = r"""
import dbus
from firewall.client import FirewallClient
zone = dbus.Interface(
    dbus.SystemBus().get_object("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"),
    "org.fedoraproject.FirewallD1.zone",
)
rules = [line.strip() for line in open("/tmp/rules")]
rules += map(str, zone.getRichRules("public"))
zone.setZoneSettings2("public", {"rules_str": dbus.Array(rules, signature="s")}, timeout=600)
"""
CALLS = r"""
set --
while read -r rule; do
    set -- "$@" "--add-rich-rule=$rule"
    if [ $# -ge %s ]; then firewall-cmd %s "$@" </dev/null; set --; fi
done </tmp/rules
[ $# -eq 0 ] || firewall-cmd %s "$@"
"""
BUS = r"""
while read -r rule; do
    busctl call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
        org.fedoraproject.FirewallD1.zone addRichRule ssi public "$rule" 0 </dev/null
done </tmp/rules
"""
IPSET = r"""
firewall-cmd --ipset=vips --add-entries-from-file=/tmp/addresses
firewall-cmd --add-rich-rule='rule family=ipv4 destination ipset=vips port port=80 protocol=tcp mark set=80'
"""  # noqa: E501
IPSET_FIRST = "firewall-cmd --permanent --new-ipset=vips --type=hash:ip; firewall-cmd --reload"
WAYS = {
    "running: one firewall-cmd": CALLS % (10**6, "", ""),
    "running: firewall-cmd with 200 rules each (ours)": CALLS % (200, "", ""),
    "running: busctl addRichRule, one call each": BUS,
    "running: one Python, addRichRule each": f"python3 -c '{CLIENT}'",
    "running: one Python, setZoneSettings2": f"python3 -c '{SETTINGS}'",
    "running: ipset as destination (after a reload)": IPSET,
    "saved: one firewall-cmd --permanent": CALLS % (10**6, "--permanent", "--permanent"),
    "saved: one Python, one write (ours)": (
        "sed 's/^/add public /' /tmp/rules | python3 -Es /tmp/bulk.py"
    ),
}
SKIPPED = {("saved: one firewall-cmd --permanent", 1000): "minutes: it is quadratic"}


def seconds(lab: Lab, way: str, rules: int) -> float:
    lab.exec(ROUTER, ["sh", "-c", RULES, "sh", str(rules)])
    if "ipset" in way:
        lab.exec(ROUTER, ["sh", "-c", IPSET_FIRST])
    begun = time.monotonic()
    lab.exec(ROUTER, ["sh", "-c", WAYS[way]])
    took = time.monotonic() - begun
    if "ipset" not in way:
        permanent = ["--permanent"] if way.startswith("saved") else []
        listed = lab.exec(ROUTER, ["firewall-cmd", *permanent, "--list-rich-rules"]).stdout
        assert listed.count("mark set=80") == rules, f"{way}: {listed.count('mark set=80')}"
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", default="100,300,1000")
    numbers = [int(each) for each in parser.parse_args().rules.split(",")]
    lab = Lab(5)
    lab.up(1, kinds=[Kind.FIREWALLD])
    try:
        lab.exec(ROUTER, ["sh", "-c", "cat >/tmp/bulk.py"], stdin=BULK.read_text())
        print(f"{'seconds for so many rules':50}" + "".join(f"{n:>8}" for n in numbers))
        for way in WAYS:
            took = ["-" if (way, n) in SKIPPED else f"{seconds(lab, way, n):.1f}" for n in numbers]
            print(f"{way:50}" + "".join(f"{each:>8}" for each in took), flush=True)
    finally:
        lab.down()


if __name__ == "__main__":
    sys.exit(main())
