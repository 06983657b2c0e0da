r"""The command line that carries a script through whatever login shell the user has.

sshd hands the command to the login shell, which may be fish (where ``\`` is special between single
quotes) or csh (where a newline or ``!`` is). So ``\``, ``'`` and ``!`` are written outside of the
quotes, and the script's newlines travel as the unit separator, put back by the sh that runs it.
Only an argument with a newline is more than csh can carry.
"""

from __future__ import annotations

import re

SEPARATOR = "\x1f"
NAME = "lvsfleet"
LONGEST = 120_000  # the kernel takes 131072 bytes in one argument (MAX_ARG_STRLEN)

# Splits $1 at the separators and joins it with newlines: no process is started for it.
_UNPACK = (
    f'u(){{ o=$IFS;IFS={SEPARATOR};set -f;set -- $1;IFS=${{o#??}};s="$*";IFS=$o;set +f;}};'
    'u "$1";shift;eval "$s"'
)
_SPECIAL = re.compile(r"([\\'!])")


def quote(text: str) -> str:
    """Quote one word so that sh, bash, dash, zsh, ksh, fish and csh read the same."""
    return "'" + _SPECIAL.sub(r"'\\\1'", text) + "'"


def command_line(
    script: str, args: tuple[str, ...] = (), *, before: tuple[str, ...] = (), mark: str = ""
) -> bytes:
    """The line to execute: ``sh`` with the script and its arguments, perhaps after ``before``.

    Args:
        script: POSIX sh.
        args: its ``$1``, ``$2``, …
        before: words in front, such as ``sudo -n --``.
        mark: printed on stderr by the sh before the script starts, if not empty.

    Raises:
        ValueError: the script is too long or has a unit separator or a NUL.
    """
    if SEPARATOR in script or any("\0" in text for text in (script, *args)):
        raise ValueError("a script has no unit separator and no NUL, its arguments have no NUL")
    start = f"echo {mark} >&2;" if mark else ""
    packed = script.replace("\n", SEPARATOR)
    words = [*before, "sh", "-c", start + _UNPACK, NAME, packed, *args]
    line = " ".join(quote(word) for word in words).encode("utf-8", "surrogateescape")
    if len(line) > LONGEST:
        raise ValueError(f"the script and its arguments have {len(line)} bytes, over {LONGEST}")
    return line
