"""What an address takes with it when it goes: Linux lets go of its network's others, too; pure.

The first address of a network on an interface is its primary one, the others are secondary. Where
`promote_secondaries` is off (net/ipv4/devinet.c, `__inet_del_ifa`; the kernel's own default), they
go with it, and keepalived does not set them again.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_interface

from inventory.rules import Address
from tasks.errors import NotReady
from tasks.observe import Observed


def refuse_to_lose(observed: Observed, going: Address, coming: Address | None) -> None:
    """See that an address goes alone.

    Args:
        observed: what the router is, with `tasks.inspection.observe_all`.
        going: the address that is to go.
        coming: one that comes before that, beside it.

    Raises:
        NotReady: others would go with it.
    """
    found = _primary(observed.text("addresses") or "", going)
    if found is None:
        return
    interface, primary, others = found
    if isinstance(coming, IPv4Address) and coming in primary.network:
        others.add(coming)
    settings = dict(
        line.partition(" ")[::2] for line in (observed.text("kernel") or "").splitlines()
    )
    # One that is on for all is on for each (IN_DEV_ORCONF).
    names = [f"net/ipv4/conf/{each}/promote_secondaries" for each in ("all", interface)]
    if others and {settings.get(name) for name in names} == {"0"}:
        setting = f"net.ipv4.conf.{interface.replace('.', '/')}.promote_secondaries"
        raise NotReady(
            f"{going} is the primary address of {primary.network} on {interface}:"
            f" {' and '.join(map(str, sorted(others)))} would go with it,"
            f" since {setting} is 0",
            "On the cluster's routers, also for their next boot (/etc/sysctl.d):"
            f" sysctl -w {setting}=1",
        )


def _primary(text: str, going: Address) -> tuple[str, IPv4Interface, set[IPv4Address]] | None:
    """Where it is the primary address, and who is secondary to it."""
    listed: list[tuple[str, IPv4Interface, bool]] = []
    for words in map(str.split, text.splitlines()):
        match words:
            case [_, interface, "inet", address, *rest]:
                each = IPv4Interface(ip_interface(address))
                listed.append((interface, each, "secondary" in rest))
    for interface, each, secondary in listed:
        if each.ip == going and not secondary:
            others = {
                other.ip
                for place, other, second in listed
                if (place, other.network) == (interface, each.network) and second
            }
            return interface, each, others
    return None
