"""A process that waits for this one to die, and then brings its run to its end.

It is a shell that reads from a pipe, so that it costs nothing while all goes well: it ends at the
word ``end``. Where the pipe is closed without it, the program was killed, and the shell becomes
`runbooks.guardian`. It is in a session of its own: Ctrl-C, and a kill of the group, pass it by.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runbooks.journal.place import new_file
from runbooks.unfinished import LOG

_WAITS = 'read -r said; [ "$said" = end ] || exec "$@"'


@dataclass(frozen=True, slots=True)
class Guardian:
    """The process.

    Attributes:
        process: None where there is none.
    """

    process: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """It is not needed."""
        if self.process is None or self.process.stdin is None:
            return
        with suppress(OSError):  # it is gone
            os.write(self.process.stdin.fileno(), b"end\n")
            self.process.stdin.close()


def start_guardian(folder: Path) -> Guardian:
    """Have somebody watch over the run in ``folder``; where that is not possible, nobody does.

    Its environment is this program's: what it takes to log in is there, and nowhere else.
    """
    program = [sys.executable, "-P", "-m", "runbooks.guardian", folder.name]
    try:
        log = new_file(folder / LOG)
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _WAITS, "sh", *program],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
    except OSError:
        return Guardian()
    return Guardian(process)
