"""What can go wrong with one router; ``kind`` is the word that reports carry.

A new kind is a new class here, so that every kind is listed in one place.
"""

from __future__ import annotations

from typing import ClassVar

from inventory.errors import LvsfleetError


class RouterError(LvsfleetError):
    """One router could not be brought where it should be.

    ``check`` is the id under which a compliance check reports it, where that meets it.
    """

    kind: ClassVar[str] = "failed"
    check: ClassVar[str] = "LVS007"


class Unreachable(RouterError):
    """No connection, or it broke; another attempt may succeed."""

    kind = "unreachable"


class NeverReachable(Unreachable):
    """As long as nobody changes something no attempt can succeed: no such name, not SSH."""


class DeadlineExceeded(RouterError):
    """The router answered, but not within the time it was given."""

    kind = "deadline"


class HostKeyRefused(RouterError):
    """The router's host key is unknown, or not the one on record. Never retried."""

    kind = "host-key"


class AuthenticationRefused(RouterError):
    """The router does not accept the credentials. Never retried: sshd penalises the source."""

    kind = "authentication"


class PrivilegeRefused(RouterError):
    """Logged in, but sudo does not let the user become root."""

    kind = "privilege"


class NotReady(RouterError):
    """The router, or how it is reached, lacks something: a program, a zone, a service, room."""

    kind = "preflight"


class NotRunning(NotReady):
    """The packet filter does not run, or there is none."""

    check = "LVS010"


class NotEnabled(NotReady):
    """The packet filter's rules are not loaded at boot."""

    check = "LVS011"


class TurnedAway(NotReady):
    """What is to be let in is turned away where no rule of ours could help."""

    check = "LVS021"


class Conflict(RouterError):
    """A rule that is not ours does something else with a packet of ours."""

    kind = "conflict"


class TwoMarks(Conflict):
    """A packet of ours is given another mark as well."""

    check = "LVS005"


class TwoFilters(Conflict):
    """Two packet filters manage the same rules."""

    check = "LVS012"


class PassedBy(Conflict):
    """The packets of a VIP do not come by the zone with the rules."""

    check = "LVS022"


class ChangedMeanwhile(RouterError):
    """Somebody else changed the rules between the look and the change; look again."""

    kind = "changed-meanwhile"


class ChangedSince(RouterError):
    """The router has been changed after the run that is to be taken back."""

    kind = "changed-since"


class Locked(RouterError):
    """Another run holds the router."""

    kind = "locked"


class NotEditable(RouterError):
    """keepalived.conf is written in a way that only a person can change safely."""

    kind = "keepalived"


class NoSuchAddress(NotEditable):
    """keepalived.conf has no such VIP."""


class Taken(RouterError):
    """Somebody else answers for an address that a router was to get."""

    kind = "taken"


class Outside(RouterError):
    """An address is in no network of the interface that it would be on."""

    kind = "network"


class NotServed(RouterError):
    """What was sent to a new VIP is not marked, or not answered: it is taken back."""

    kind = "probe"


class ClusterUnsettled(RouterError):
    """The routers of a cluster do not have the roles that a change needs to be safe."""

    kind = "cluster"


class ApplyFailed(RouterError):
    """The router refused the change, or what it has now is not what was asked for."""

    kind = "apply"


class NotUnderstood(RouterError):
    """The router answered with something that this version cannot read."""

    kind = "answer"
