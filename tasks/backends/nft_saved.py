"""What a router has of a table of ours for its next boot, and what makes one such another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tasks.backends.nft_unit import Loader
from tasks.fingerprint import sum_of
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where


@dataclass(frozen=True, slots=True)
class Saved:
    """The file with the table, and what loads it; by itself, that there is nothing of it.

    Attributes:
        loader: whose.
        text: the file's; None where there is none.
        units: the texts of what loads it, by path; without those that are absent.
        enabled: the unit among them is started at boot.
    """

    loader: Loader
    text: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = False

    @classmethod
    def of(cls, observed: Observed, loader: Loader) -> Saved:
        """What was observed."""
        there = {path: observed.text(f"file:{path}") for path in loader.texts}
        return cls(
            loader,
            observed.text(f"file:{loader.file}"),
            {path: text for path, text in there.items() if text is not None},
            observed.units[loader.name].enabled,
        )

    @classmethod
    def whole(cls, loader: Loader, text: str) -> Saved:
        """How it is to be for a file's text."""
        return cls(loader, text, loader.texts, enabled=True)

    def edits_to(self, then: Saved) -> Iterator[Edit]:
        """What of the diff is about what loads the file."""
        for path in self.loader.texts:
            if self.units.get(path) != then.units.get(path):
                op = Op.ADD if path in then.units else Op.REMOVE
                yield Edit(op, Where.SAVED, path, None, "systemd")
        if self.enabled != then.enabled:
            op = Op.ADD if then.enabled else Op.REMOVE
            yield Edit(op, Where.SAVED, self.loader.enable, None, "systemd")

    def files_to(
        self, then: Saved, others: Iterable[tuple[str, str | None, str | None]] = ()
    ) -> dict[str, str]:
        """What ``nftables-change.sh`` saves by.

        Args:
            then: how it is to be.
            others: files that change with it: path, text before, text after.
        """
        unit, drop_in = self.loader.unit, self.loader.drop_in
        pairs = [
            ("table", self.loader.file, self.text, then.text),
            ("unit", unit, self.units.get(unit), then.units.get(unit)),
            ("drop-in", drop_in, self.units.get(drop_in), then.units.get(drop_in)),
        ]
        # Ours first: a power cut in between leaves a rule twice rather than not at all.
        pairs += [(f"other{n}", *each) for n, each in enumerate(others)]
        changed = [each for each in pairs if each[2] != each[3]]
        listed = [
            f"{sum_of(was)} {'-' if new is None else name} {path}\n"
            for name, path, was, new in changed
        ]
        files = {"save/files": "".join(listed)}
        if (self.units, self.enabled) != (then.units, then.enabled):
            for folder, state in (("save", then), ("undo", self)):
                files[f"{folder}/enabled"] = "yes\n" if state.enabled else "no\n"
        return files | {f"save/{name}": new for name, _, _, new in changed if new is not None}

    def commands_to(self, then: Saved) -> Iterator[str]:
        """The same for eyes, a line each."""
        if self.text != then.text:
            yield f"{self.loader.file}: {'removed' if then.text is None else 'the same'}"
        for path in self.loader.texts:
            if self.units.get(path) != then.units.get(path):
                yield f"{path}: {'written' if path in then.units else 'removed'}"
        if self.enabled != then.enabled:
            enable = self.loader.enable
            yield enable if then.enabled else enable.replace(" enable ", " disable ")
