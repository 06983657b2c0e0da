"""paramiko, imported without what is not needed here, and without its log lines on stderr.

``from tasks.connect.library import paramiko`` everywhere, so that it is imported in this one way.

paramiko imports ``invoke`` if it can, for one thing only: ``Match exec`` in its own reader of
ssh_config, which is not used here. That is 120 of the 300 ms of its import; it is hidden meanwhile.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

_hidden = "invoke" not in sys.modules
if _hidden:
    sys.modules["invoke"] = None  # type: ignore[assignment] # makes `import invoke` fail
try:
    import paramiko as _paramiko
finally:
    if _hidden:
        del sys.modules["invoke"]

# Its transport threads log tracebacks; without a handler Python would print them to stderr.
# What an operator can use of them is in the errors raised.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False

paramiko: Any = _paramiko
"""Untyped: what is subclassed and adjusted here is not in its published types."""
