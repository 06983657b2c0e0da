"""Random rule sets, loaded on a router by the programs that operators load theirs with."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from inventory.errors import LvsfleetError
from tests.lab.walk import draw_firewalld, draw_iptables, draw_nft
from tests.lab.walk.bench import Bench
from tests.lab.walk.draw import Draw

_TRIES = 20
# A table of the legacy variant stays as long as the kernel runs; it can only be emptied.
_CLEAR = """
nft flush ruleset
for f in ip ip6; do
    for t in $(cat "/proc/net/${f}_tables_names" 2>/dev/null); do
        case $t in
            filter) chains='INPUT FORWARD OUTPUT' ;;
            raw) chains='PREROUTING OUTPUT' ;;
            nat) chains='PREROUTING INPUT OUTPUT POSTROUTING' ;;
            *) chains='PREROUTING INPUT FORWARD OUTPUT POSTROUTING' ;;
        esac
        echo "*$t"
        for c in $chains; do echo ":$c ACCEPT [0:0]"; done
        echo COMMIT
    done >/tmp/empty
    if [ -s /tmp/empty ]; then ${f}tables-legacy-restore </tmp/empty; fi
done
"""


def iptables(bench: Bench, chance: Random) -> None:
    """Rule sets for iptables and ip6tables, each by the nft variant, the legacy one or both."""
    variants = [("nft",), ("nft",), ("nft",), ("legacy",), ("nft", "legacy")]
    if not bench.has_legacy:
        variants = [("nft",)]

    def script() -> str:
        lines = [_CLEAR]
        for version, program in ((4, "iptables"), (6, "ip6tables")):
            for variant in chance.choice(variants):
                text = draw_iptables.ruleset(Draw(chance, bench, version))
                lines.append(f"{program}-{variant}-restore <<'END'\n{text}END")
        return "\n".join(lines)

    _until_taken(bench, script)


def nftables(bench: Bench, chance: Random) -> None:
    """A rule set for nft; what it refuses, and what makes it crash, is drawn anew."""

    def script() -> str:
        text = draw_nft.ruleset(Draw(chance, bench, 4), Draw(chance, bench, 6))
        return f"{_CLEAR}nft -f - <<'END'\n{text}\nEND\nnft --json list ruleset >/dev/null"

    _until_taken(bench, script)


def firewalld(bench: Bench, chance: Random) -> None:
    """Zones and policies."""

    def script() -> str:
        lines = ["cd /etc/firewalld", "mkdir -p policies", "rm -f zones/z?.xml policies/p?.xml"]
        files = draw_firewalld.files(Draw(chance, bench, 4), Draw(chance, bench, 6))
        lines += (f"cat >{path} <<'END'\n{text}\nEND" for path, text in files.items())
        return "\n".join([*lines, "firewall-cmd --reload"])

    _until_taken(bench, script)


def _until_taken(bench: Bench, script: Callable[[], str]) -> None:
    for _ in range(_TRIES):
        try:
            bench.run(script())
        except LvsfleetError as refused:
            said = str(refused)[-500:]
        else:
            return
    raise AssertionError(f"{bench.name} took none of {_TRIES} rule sets; the last: {said}")
