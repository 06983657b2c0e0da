"""Rollouts to and fro, each with one fault at a random moment, and what must hold after each.

Every router has a sequence of its own, which depends on the seed and its name alone; so a seed
brings the same faults at the same moments again, as far as clocks allow.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lab.topology import Kind
from tests.lab.chaos import lines, wires
from tests.lab.chaos.controller import Controller
from tests.lab.chaos.world import OTHER, SAVED, World

FIRST, LAST = 8, 100
"""Numbers of the commands that a rollout calls on a router, from begin to its end."""

Tell = Callable[[str], None]


@dataclass
class Storm:
    """The run.

    Attributes:
        world: the routers.
        seed: of all that is random.
        tell: is given a line for each rollout.
        until: no rollout begins after this moment of ``time.monotonic``.
        most: no more than so many rollouts.
        done: how many rollouts there have been, by fault.
        ends: how they ended: "old" and "new".
        failed: what went wrong; empty when all went well.
    """

    world: World
    seed: int
    tell: Tell
    until: float
    most: int = 1_000_000
    done: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    failed: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0

    def run(self) -> None:
        """Do it, on all routers at once.

        Raises:
            AssertionError: a router is neither wholly old nor wholly new, or something remains.
        """
        with ThreadPoolExecutor(len(self.world.routers)) as pool:
            list(pool.map(self._router, self.world.routers))
        assert not self.failed, self.failed

    def _router(self, router: str) -> None:
        chance = random.Random(f"{self.seed} {router}")  # noqa: S311 - no secret
        number = 0
        while not self.failed and time.monotonic() < self.until and self._another():
            number += 1
            fault = chance.choice(FAULTS)(chance, self.world, router)
            what = f"{router} {number}: {fault.name}"
            begun = time.monotonic()
            try:
                ended = self._rollout(router, fault, reboot=chance.random() < 0.25)
            except Exception as error:
                words = f"seed {self.seed}, {what}: {type(error).__name__}: {error}"
                notes = getattr(error, "__notes__", ())
                words = "\n".join([words, *notes, self.world.story(router)])
                with self._lock:
                    self.failed = self.failed or words
                self.tell(words)
                return
            with self._lock:
                self.done[fault.kind] += 1
                self.ends[ended.split()[-1]] += 1
            self.tell(f"{what}: {ended} ({time.monotonic() - begun:.1f} s)")

    def _another(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= self.most

    def _rollout(self, router: str, fault: Fault, *, reboot: bool) -> str:
        world = self.world
        old = world.where(router)
        new = OTHER[old]
        fault.new = new
        fault.before()
        run = world.rollout(new, [router], options=["--timeout", "15"])
        try:
            fault.during(run)
            answer = run.answer()
        finally:
            fault.after()
        try:
            where = world.check(router, reboot=reboot)[router]
        except AssertionError as error:
            error.add_note(f"It was at {old}; told: {answer}")
            raise
        told = "no report"
        if answer.code >= 0 and answer.stdout:
            told = answer.statuses[router]
            # What one could not do, or took back, the other one may have done.
            done = {told, fault.told} & {"changed", "unchanged"}
            undone = {told} <= {"reverted", "failed"} and fault.told != "unknown"
            assert where == (new if done else old if undone else where), (
                f"{told} {fault.told}, but it is at {where}: {answer}"
            )
        else:  # killed, or Ctrl-C came before the run, or behind it
            assert isinstance(fault, Killed | Interrupted), answer
        return f"{told}, ends {'new' if where == new else 'old'}"


class Fault:
    """One thing that goes wrong in one rollout."""

    kind = "nothing"

    def __init__(self, chance: random.Random, world: World, router: str) -> None:
        self.world = world
        self.router = router
        self.delay = chance.uniform(0.4, 3.5)
        self.command = chance.randint(FIRST, LAST)
        self.when = chance.choice(("before", "after"))
        self.chance = chance.random()
        self.new = ""
        self.told = ""  # of another rollout that was part of it

    @property
    def name(self) -> str:
        return f"{self.kind} after {self.delay:.2f} s"

    def before(self) -> None:
        """Lay it out."""

    def during(self, run: Controller) -> None:
        """Do it, while the rollout runs."""

    def after(self) -> None:
        """Take it away."""

    def wait(self, run: Controller) -> None:
        """Wait for its moment, but no longer than for the end of the rollout."""
        deadline = time.monotonic() + self.delay
        while time.monotonic() < deadline and run.process.poll() is None:
            time.sleep(0.01)

    def sh(self, script: str) -> None:
        self.world.sh(self.router, script, check=False)


class Killed(Fault):
    kind = "the controller is killed"

    def during(self, run: Controller) -> None:
        self.wait(run)
        run.kill()


class Interrupted(Fault):
    kind = "Ctrl-C"

    @property
    def name(self) -> str:
        return f"{super().name}, {'twice' if self.chance < 0.5 else 'once'}"

    def before(self) -> None:
        self.delay += 0.5  # before that Python itself is interrupted, and nothing has begun

    def during(self, run: Controller) -> None:
        self.wait(run)
        run.interrupt()
        if self.chance < 0.5:
            time.sleep(0.1)
            run.interrupt()


class Cut(Fault):
    kind = "the line is cut"

    @property
    def name(self) -> str:
        return f"{super().name} for {self.seconds:.1f} s"

    @property
    def seconds(self) -> float:
        return 0.5 + 9 * self.chance

    def during(self, run: Controller) -> None:
        self.wait(run)
        lines.cut(self.world.lab, self.router)
        time.sleep(self.seconds)
        lines.mend(self.world.lab, self.router)

    def after(self) -> None:
        lines.mend(self.world.lab, self.router)


class NoSsh(Fault):
    kind = "sshd is killed"

    def during(self, run: Controller) -> None:
        self.wait(run)
        lines.end_sshd(self.world.lab, self.router)

    def after(self) -> None:
        # systemd does that by itself, unless the new one was hit as well.
        self.sh("systemctl reset-failed ssh; systemctl start ssh")


class Reloaded(Fault):
    kind = "systemd is reloaded and starts something"

    def during(self, run: Controller) -> None:
        self.wait(run)
        self.sh("systemctl daemon-reload; systemctl start sysinit.target")


class NoDaemon(Fault):
    kind = "firewalld is killed, or D-Bus"

    def during(self, run: Controller) -> None:
        self.wait(run)
        if self.world.kind(self.router) is Kind.FIREWALLD:
            unit = "firewalld" if self.chance < 0.5 else "dbus"
            self.sh(f"kill -9 $(systemctl show -P MainPID {unit})")

    def after(self) -> None:
        # A daemon that died before the change, or behind it, is no affair of lvsfleet's.
        if self.world.kind(self.router) is Kind.FIREWALLD:
            self.sh(_FIREWALLD_AGAIN)


# Twice, as the next one leaves in the kernel what a dead one has put there. One that has lost its
# bus may still be dying, and on a busy machine a start may take longer than it may.
_FIREWALLD_AGAIN = """for _ in 1 2 3; do
    systemctl start dbus.socket dbus
    systemctl is-active firewalld && busctl status org.fedoraproject.FirewallD1 &&
        firewall-cmd --state && exit
    systemctl reset-failed firewalld
    systemctl restart firewalld && firewall-cmd --state && systemctl restart firewalld
done"""


class Wired(Fault):
    """At a command of the scripts, not at a time."""

    action = ""

    @property
    def name(self) -> str:
        return f"{self.kind} {self.when} command {self.command}"

    def before(self) -> None:
        wires.set_trap(self.world.lab, self.router, self.command, self.action, when=self.when)

    def after(self) -> None:
        wires.clear(self.world.lab, self.router)


class ScriptKilled(Wired):
    kind = "the script is killed"
    action = wires.KILL


class StepKilled(Wired):
    kind = "a shell of the script is killed"
    action = wires.KILL_STEP


class PowerCut(Wired):
    kind = "the power is cut"
    action = wires.POWER

    def during(self, run: Controller) -> None:
        # Where the controller has ended, a timer may still come to the moment.
        while run.process.poll() is None or self.world.remains(self.router):
            if wires.tripped(self.world.lab, self.router):
                self.world.reboot(self.router)
                return
            time.sleep(0.02)


class Slow(Wired):
    kind = "the router hangs"

    @property
    def action(self) -> str:  # type: ignore[override]
        return f"/usr/bin/sleep {8 * self.chance:.2f}\n"

    @property
    def name(self) -> str:
        return f"{super().name} for {8 * self.chance:.1f} s"


class ReadOnly(Wired):
    kind = "a disk is read-only"

    @property
    def folder(self) -> str:
        rules = str(Path(SAVED[self.world.kind(self.router)][0]).parent)
        return "/var/lib/lvsfleet" if self.chance < 0.5 else rules

    @property
    def name(self) -> str:
        return f"{super().name}: {self.folder}"

    @property
    def action(self) -> str:  # type: ignore[override]
        mount = "/usr/bin/mount"
        bind = f"{mount} --bind {self.folder} {self.folder}"
        return f"{bind}; {mount} -o remount,bind,ro {self.folder}\n"

    def after(self) -> None:
        # Half a file that could not even be removed: the next run writes over it.
        self.sh(f"umount -l {self.folder}; rm -f {self.folder}/*.lvsfleet")
        super().after()
        # Where it could write nothing it has left its lock; a boot ends it.
        self.world.reboot(self.router)


class Rival(Fault):
    kind = "another controller"

    def during(self, run: Controller) -> None:
        self.wait(run)
        other = self.world.rollout(self.new, [self.router], options=["--timeout", "15"])
        self.told = other.answer().statuses[self.router]


FAULTS: tuple[type[Fault], ...] = (
    Killed,
    Interrupted,
    Cut,
    NoSsh,
    Reloaded,
    NoDaemon,
    ScriptKilled,
    StepKilled,
    PowerCut,
    PowerCut,
    Slow,
    ReadOnly,
    Rival,
)
