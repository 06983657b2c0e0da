"""What a router sees of the SYNs to a new VIP: whether they come, are marked, and are let in.

See ``probe.sh`` and ``knock.sh``; the first counts on the router, the second sends from another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.rules import Address, Mark
from tasks.backends.iptables_save import lines_of, parse_rule, without_counters
from tasks.errors import NotReady, NotUnderstood
from tasks.ipvs import parse_table
from tasks.knock import Word
from tasks.remote import script
from tasks.sections import Section, failure, new_nonce, split
from tasks.shell import Completed, Shell


@dataclass(frozen=True, slots=True)
class Count:
    """SYNs to one port.

    Attributes:
        marked: those with the mark.
        come: all of them; None where only rules that mark could be asked.
        let_in: those with the mark that no filter turned away; None likewise.
    """

    marked: int
    come: int | None = None
    let_in: int | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a router saw.

    Attributes:
        counts: by port; empty where it has no means to count.
        balanced: IPVS has real servers for the mark, in the VIP's family.
    """

    counts: Mapping[int, Count]
    balanced: bool


def watch(
    shell: Shell, address: Address, mark: int, ports: Sequence[int], *, steps: int, deadline: float
) -> Sight:
    """Have a router count what comes to an address.

    Args:
        shell: a root shell on it.
        address: the VIP.
        mark: the one that its packets are to have.
        ports: of TCP.
        steps: how long, in fifths of a second; it ends when something has come to each port.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked.
    """
    nonce = new_nonce()
    arguments = (nonce, str(steps), str(address), str(mark), *map(str, ports))
    sections = _split(shell.run(script("probe"), *arguments, deadline=deadline), nonce)
    ipvs = sections.get("ipvs", Section("", 0)).text
    balanced = any(
        each.mark == mark and each.version == address.version and each.real_servers
        for each in parse_table(ipvs)
    )
    if "counts" in sections:
        return Sight(_of_table(sections["counts"].text, ports), balanced)
    if "after" in sections:
        before, after = (_of_rules(sections[n].text, address, mark) for n in ("before", "after"))
        new = {port: Count(n - before.get(port, 0)) for port, n in after.items() if port in ports}
        return Sight(new, balanced)
    return Sight({}, balanced)


def knock(
    shell: Shell, address: Address, ports: Sequence[int], *, times: int, deadline: float
) -> dict[int, Word]:
    """Have a host begin connections to an address, and say what became of each port.

    Args:
        shell: a shell on it.
        address: where to.
        ports: of TCP.
        times: how often; 0 asks only whether it could.
        deadline: seconds.

    Raises:
        NotReady: the host has nothing to do it with.
        RouterError: it could not be asked.
    """
    nonce = new_nonce()
    arguments = (nonce, str(times), str(address), *map(str, ports))
    sections = _split(shell.run(script("knock"), *arguments, deadline=deadline), nonce)
    heard = dict.fromkeys(ports, Word.SILENT)
    for line in sections.get("knock", Section("", 0)).text.splitlines():
        port, _, word = line.partition(" ")
        if port.isdecimal() and int(port) in heard and word.upper() in Word.__members__:
            heard[int(port)] = max(heard[int(port)], Word[word.upper()])
    return heard


def _split(completed: Completed, nonce: str) -> dict[str, Section]:
    sections = split(completed.stdout, nonce)
    failed = failure(sections)
    if failed:
        raise NotReady(failed[1], "Install one of them there, or name another host")
    if completed.status not in (0, 1):
        raise NotUnderstood(f"the probe ended with {completed.status}: {completed.stderr[-200:]}")
    return sections


def _of_table(text: str, ports: Iterable[int]) -> dict[int, Count]:
    found = {words[0]: int(words[1]) for words in (line.rsplit(" ", 1) for line in _lines(text))}

    def count(port: int) -> Count:
        come, marked, passed, let_in = (
            found.get(f"{port} {what}", 0) for what in ("come", "marked", "passed", "in")
        )
        # A mark that is gone where IPVS looks for it was none.
        return Count(marked if passed <= let_in else 0, come, let_in)

    return {port: count(port) for port in ports}


def _lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line for line in text.splitlines() if line.strip()]


def _of_rules(text: str, address: Address, mark: int) -> dict[int, int]:
    """Packets that rules marked so, by the first port of each range that they are for."""
    found: dict[int, int] = {}
    for line in lines_of(text):
        packets = line.lstrip("[").partition(":")[0]
        for rule in parse_rule(without_counters(line).strip()) or ():
            if isinstance(rule, Mark) and (rule.vip, rule.mark) == (address, mark):
                port = rule.ports.first
                found[port] = found.get(port, 0) + int(packets)
    return found
