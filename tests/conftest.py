"""What holds for all tests: signals mean what they mean at a terminal, wherever the tests run."""

from __future__ import annotations

import signal

# Started in the background, a shell has SIGINT ignored, and so would every program under test:
# lvsfleet, rightly, does not listen to a signal that it was told to ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
