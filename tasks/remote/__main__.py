"""Prints the phases, or the whole text of one: what a router is sent, for reading and linting.

``reader`` prints the program that lets an account only read; see `tasks.remote.reader`.
"""

from __future__ import annotations

import sys

from tasks.remote import PHASES, script
from tasks.remote.reader import reader

if sys.argv[1:] == ["reader"]:
    sys.stdout.write(reader())
else:
    sys.stdout.write("\n".join(PHASES if len(sys.argv) == 1 else [script(sys.argv[1])]) + "\n")
