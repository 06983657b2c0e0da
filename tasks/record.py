"""Where a change notes what it is about to do, so that a controller that dies leaves a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tasks.sections import Section


class Recorder(Protocol):
    """A run's journal, as one router's change sees it; called from many threads."""

    def note(self, router: str, step: str, state: str, detail: str = "") -> None:
        """Write down, and have on the disk before this returns, where a router stands.

        Args:
            router: its name.
            step: ``begin``, ``advance``, ``reread``, ``follow``, ``verify``, ``commit`` or
                ``revert``.
            state: ``starts``, ``done`` or ``failed``.
            detail: an error's words.

        Raises:
            OSError: the disk takes no more.
        """
        ...

    def keep(self, router: str, name: str, sections: Mapping[str, Section]) -> None:
        """Keep an observation of the router, on the disk before this returns.

        Args:
            router: its name.
            name: ``before`` or ``after`` the change, or ``snapshot``.
            sections: what the router answered.

        Raises:
            OSError: the disk takes no more.
        """
        ...


class Unrecorded:
    """A recorder that keeps nothing, for tests and for looking only."""

    def note(self, router: str, step: str, state: str, detail: str = "") -> None:
        """See `Recorder.note`."""

    def keep(self, router: str, name: str, sections: Mapping[str, Section]) -> None:
        """See `Recorder.keep`."""
