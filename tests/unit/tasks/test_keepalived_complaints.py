"""What keepalived complains of only after a change, of what it printed."""

from __future__ import annotations

import pytest

from tasks.keepalived.complaints import compare, complaints
from tests.unit.tasks.cases import CASES

FOLDER = CASES / "keepalived" / "complaints"
MAIN = "/etc/keepalived/keepalived.conf"


def said(name: str) -> str:
    return (FOLDER / name).read_text()


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("content", "content", []),
        ("before", "before", []),
        ("before", "moved", []),
        ("moved", "before", []),
        ("before", "mended", []),
        (
            "mended",
            "before",
            [
                f"({MAIN}: Line 8) number '33' outside range [0, 32]",
                (
                    f"({MAIN}: Line 8) Invalid address prefix len 33 for address 203.0.113.4/33"
                    " - using 32"
                ),
            ],
        ),
        (
            "before",
            "unknown-interface",
            [
                (
                    f"({MAIN}: Line 10) WARNING - interface eth9 for ip address 203.0.113.99/24"
                    " doesn't exist"
                ),
            ],
        ),
        (
            "before",
            "nonsense-again",
            [
                (
                    f"({MAIN}: Line 13) Unknown configuration entry 'nonsense' for ip address"
                    " - ignoring"
                ),
            ],
        ),
        ("content", "none-left", ["(A) No VIP specified; at least one is sensible"]),
        ("none-left", "content", []),
        (
            "content",
            "brace",
            [
                "(Line 8) Extra '}' found",
                "(Line 8) Unknown keyword '}'",
                f"({MAIN}: Line 8) Extra '}}' found",
                f"({MAIN}: Line 8) Unknown keyword '}}'",
            ],
        ),
        ("many-300", "many-301", []),
        ("many-301", "many-300", []),
        (
            "content",
            "many-300",
            [
                (
                    "(A) Number of VIPs (300) exceeds maximum/space available in packet"
                    " (max 255 addresses) - excess moved to eVIPs"
                ),
            ],
        ),
    ],
)
def test_only_what_is_new_is_told(before: str, after: str, new: list[str]) -> None:
    assert list(compare(said(before), said(after))) == new


def test_time_and_process_are_no_part_of_it() -> None:
    led = [
        f"Mon Nov {day:2} 11:09:3{day % 10} 2026: {line}"
        for day, line in enumerate(said("before").splitlines(), start=1)
    ]
    assert complaints("\n".join(led)) == tuple(said("before").splitlines())
    assert compare(said("before"), "\n".join(led)) == ()
    assert compare("Keepalived_vrrp[8316]: (Line 1) no", "Keepalived_vrrp[99]: (Line 2) no") == ()


def test_what_a_system_lacks_is_no_complaint() -> None:
    text = "WARNING - default user 'keepalived_script' for script execution does not exist"
    assert complaints(f"{text}\n\n  \n") == ()
