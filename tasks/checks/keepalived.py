"""keepalived itself: does it run, will it, is its file sound, does it know the VIPs."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.checks.catalog.cluster import LVS042
from tasks.checks.catalog.keepalived import LVS035
from tasks.checks.subject import Subject, listed
from tasks.outcome import Finding, Severity


def daemon(subject: Subject) -> Iterator[Finding]:
    """Whether it runs, now and after a boot."""
    if not subject.desired.services:
        return
    unit = subject.observed.units["keepalived"]
    if not unit.known:
        severity = None if subject.desired.cluster else Severity.INFO
        yield LVS035.finding(
            "keepalived is not installed, or its unit is masked",
            "Install keepalived",
            severity=severity,
        )
        return
    if not unit.active:
        yield LVS035.finding(
            "keepalived.service does not run",
            "systemctl start keepalived; journalctl -u keepalived says why it ended",
        )
    if not unit.enabled:
        yield LVS035.finding(
            "keepalived.service is not started at boot",
            "systemctl enable keepalived",
            severity=Severity.WARNING,
        )


def file(subject: Subject) -> Iterator[Finding]:
    """What keepalived says of its own files."""
    said = subject.inspection.complaints
    faults = [line for line in said if not line.lower().startswith("warning")]
    config = subject.inspection.keepalived
    if said:
        yield LVS035.finding(
            f"keepalived -t: {listed(faults or list(said))}",
            "Mend that before anything reloads keepalived: a reload with a faulty file ends it",
            severity=None if faults else Severity.INFO,
        )
    elif config is not None and config.problems:
        words = [f"{each.place}: {each.message}" for each in config.problems]
        yield LVS035.finding(
            f"not all of keepalived.conf was understood: {listed(words)}",
            severity=Severity.INFO,
        )


def vips(subject: Subject) -> Iterator[Finding]:
    """VIPs that it would never take over."""
    config = subject.inspection.keepalived
    if config is None:
        return
    known = {each.address for each in config.addresses}
    for service in subject.desired.services:
        lacking = [vip for vip in service.vips if vip not in known]
        if subject.desired.cluster is None:
            lacking = [vip for vip in lacking if vip not in subject.observed.addresses]
        if lacking:
            yield LVS042.finding(
                f"service {service.name}: {', '.join(map(str, lacking))} stands in no"
                " virtual_ipaddress of keepalived.conf",
                "Add it on every router of the cluster: keepalived -t, then reload them within a"
                " second of each other",
                service=service.name,
            )
