"""Many saved edits at once: firewall-cmd --permanent writes the whole file anew for each of them.

On stdin "add|remove PLACE RULE" lines; a PLACE is a zone, or policy:NAME. Each place is read,
edited and written once, through the daemon. What is there already, or gone already, is fine. Runs
under whichever Python firewall-cmd has, 2.7 of RHEL 7 included.
"""

import sys

from firewall.client import FirewallClient  # type: ignore[import-not-found]

config = FirewallClient(quiet=True).config()
edits = [line.rstrip("\n").split(" ", 2) for line in sys.stdin]
for place in sorted({edit[1] for edit in edits}):
    kind, colon, name = place.rpartition(":")
    stored = config.getPolicyByName(name) if kind else config.getZoneByName(name)
    settings = stored.getSettings()
    for verb, where, rule in edits:
        if where == place and verb == "add" and not settings.queryRichRule(rule):
            settings.addRichRule(rule)
    for verb, where, rule in edits:
        if where == place and verb == "remove" and settings.queryRichRule(rule):
            settings.removeRichRule(rule)
    stored.update(settings)
