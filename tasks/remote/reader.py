"""The program that lets an account read a router, and nothing else, by one rule of sudo.

It is installed as root's own on a router and has the phases that only read, whole, by the digest of
their text. What an account may ask for is checked there, since sudo runs it as root.
"""

from __future__ import annotations

import shlex

from tasks.fingerprint import sum_of
from tasks.remote import script

PATH = "/usr/local/sbin/lvsfleet-read"
PHASES = ("observe", "inspect", "vips", "standing", "status", "survey")
"""The phases that only read."""

_HEAD = r"""#!/bin/sh
# lvsfleet-read DIGEST MARK NONCE [BACKEND [PLACES]]: read this router for lvsfleet, nothing else.
# Written by `python -m tasks.remote reader`; install it as root's own, mode 755. In sudoers:
#   lvs-check ALL=(root) NOPASSWD: /usr/local/sbin/lvsfleet-read
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
refuse() {
    echo "lvsfleet-read: $*" >&2
    exit 77
}
only() { case $2 in *[!$1]*) refuse "this is not allowed: $2" ;; esac }
[ $# -ge 3 ] && [ $# -le 5 ] || refuse 'usage: lvsfleet-read DIGEST MARK NONCE [BACKEND [PLACES]]'
digest=$1
only 'a-z0-9-' "$2"
only 'a-f0-9' "$3"
only 'a-z' "${4-}"
only 'A-Za-z0-9_.: -' "${5-}"
case " ${5-}" in *' -'* | *..* | *' .'*) refuse "this is not allowed: $5" ;; esac
mark=$2
shift 2
case $digest in
"""

_TAIL = """*) refuse 'it is of another version of lvsfleet than the one that asks' ;;
esac
echo "$mark" >&2
exec sh -c "$text" lvsfleet-read "$@"
"""


def digest(text: str) -> str:
    """What a phase is asked for by."""
    return sum_of(text)


def only_reads(text: str) -> bool:
    """Whether a phase is one of those."""
    return any(text == script(phase) for phase in PHASES)


def reader() -> str:
    """The whole program."""
    arms = (f"{digest(text)}) text={shlex.quote(text)} ;;\n" for text in map(script, PHASES))
    return _HEAD + "".join(arms) + _TAIL
