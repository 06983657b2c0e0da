"""Prints the phases, or the whole text of one: what a router is sent, for reading and linting."""

from __future__ import annotations

import sys

from tasks.remote import PHASES, script

sys.stdout.write("\n".join(PHASES if len(sys.argv) == 1 else [script(sys.argv[1])]) + "\n")
