"""Logging: our own loggers speak on stderr when asked to, everybody else's never do."""

from __future__ import annotations

import logging
import sys
import warnings

from runbooks.reports.text import visible

OWN = "lvsfleet"


class _Stderr(logging.Handler):
    """Writes to what ``sys.stderr`` is at that moment: a live table stands in for it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            lines = "".join(f"{visible(line)}\n" for line in text.splitlines())
            sys.stderr.write(lines)
        except Exception:
            self.handleError(record)


def configure(verbosity: int) -> None:
    """Show warnings of ``lvsfleet.*``; with 1 also what was sent, with 2 the details.

    Without a handler at the root, Python prints every library's warnings and errors to stderr
    (``logging.lastResort``): Nornir's carry tracebacks, paramiko's carry whole packets.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    own = logging.getLogger(OWN)
    own.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)])
    own.propagate = False
    own.handlers[:] = [_Stderr()]
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
