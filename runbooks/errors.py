"""How an error is shown: one paragraph with what to do next; a traceback only with ``-v``."""

from __future__ import annotations

import os
import sys

from inventory.errors import LvsfleetError
from runbooks.reports.text import screen_of, visible, wrap


def show(error: LvsfleetError) -> None:
    """Write ``error`` to stderr."""
    screen = screen_of(sys.stderr)
    text = str(error).rstrip()
    lines = text.splitlines()
    if len(lines) == 1:
        text = f"lvsfleet: {visible(text)}"
        lines = wrap(text if text.endswith((".", "?", "!", "`")) else f"{text}.", screen.width)
    else:
        lines = [visible(line) for line in lines]
    sys.stderr.write("\n".join(lines) + "\n")


def show_fault(error: BaseException, *, verbose: bool) -> None:
    """Write to stderr what a fault of this program was, and where its traceback is."""
    import traceback  # noqa: PLC0415 - every command imports this module, for nothing mostly

    text = "".join(traceback.format_exception(error))
    if verbose:
        sys.stderr.write(text)
    where = "above" if verbose else _kept(text)
    what = f"{type(error).__name__}: {visible(str(error))}".rstrip(": ")
    sys.stderr.write(
        f"lvsfleet: a fault of lvsfleet itself: {what}. Please report it with the traceback, "
        f"which is {where}.\n"
    )


def _kept(text: str) -> str:
    """Keep a traceback where only this user can read it."""
    import tempfile  # noqa: PLC0415 - as above

    try:
        descriptor, name = tempfile.mkstemp(prefix="lvsfleet-traceback-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return "shown with -v"
    return f"in {name}"
