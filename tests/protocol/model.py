# ruff: noqa: C901, PLR0911, PLR0912, PLR0915 - a table of transitions reads best whole
"""The change of one router as a machine small enough to be looked at whole.

A state is all that matters of the controller, the line, the router's disk, its memory and the
scripts that are at work on it. `successors` gives every step that can be taken from a state, by
whomever: a script's next command, the timer, or a fault. Each step stands for commands of the real
scripts, named in its comment; what lies between two of them changes nothing that another one looks
at. Steps of different scripts interleave in every order, and there is no time: a timer that is
set may fire at once or after everything else.

What is left out, and why:
- The two families stand for everything that is changed one after the other: iptables and ip6tables,
  firewalld's rules that come and those that go, two files for the next boot.
- What changes the router's filtering has an end of its own (``patiently`` and ``timeout`` in the
  scripts), so a revert always outlasts it. Before its claim a commit may hang for ever.
- Whoever kills revert.sh does not kill the watch.sh that starts it again, or only with the power.
- A disk that takes no writes does so again while somebody still tries, and at a boot: else only the
  next boot, or the next run, can go on.
- One change: that others wait for its lock is in the lab's tests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

OLD, NEW = "old", "new"

# Scripts' program counters; "" is: not at work.
IDLE = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the protocol rests on; each can be taken out, to see that the model notices.

    Attributes:
        atomic_claim: commit and revert win the armed file by renaming it, not by looking at it.
        recovery: a boot finishes or takes back what it interrupted.
        claim_first: nothing is saved before the claim.
        flock: a step waits until no other step of the run is at work.
        timer_stays: the timer comes also after the claim, and finishes a commit that died.
        tries_again: the timer starts revert.sh again where it died.
        boot_is_told: recovery does nothing where the lock says that this is no boot.
        armed_first: the revert is armed before anything is applied.
        timer: there is one.
    """

    atomic_claim: bool = True
    recovery: bool = True
    claim_first: bool = True
    flock: bool = True
    timer_stays: bool = True
    tries_again: bool = True
    boot_is_told: bool = True
    armed_first: bool = True
    timer: bool = True


class State(NamedTuple):
    """One moment.

    Attributes:
        folder: the run has one.
        mark: the one file in it that says how far the run is; "" before there is one.
        saved4, saved6: what the next boot loads.
        unit: the recovery is installed.
        run4, run6: what filters now; gone with the power.
        lock: the run has the router.
        back: it was taken back on a disk on which it stays armed.
        timer: "", "set", or "fired": watch.sh is at work.
        begin, commit, asked, watched: what each script does next. ``asked`` is the revert that the
            controller wants, ``watched`` the timer's.
        holder: which of them has the flock.
        tries: how often watch.sh starts revert.sh yet.
        booting: what recovery does next while the router boots; "" when it is up.
        reloaded: the same recovery, started in the middle of a run by a reload of systemd.
        controller: what it waits for, or what it said in the end.
        told: its last script's answer, while that is on its way.
        up: the line.
        frozen: the disk takes no writes.
        kills, cuts, flips, reloads, freezes: faults that may come yet.
    """

    folder: bool = False
    mark: str = ""
    saved4: str = OLD
    saved6: str = OLD
    unit: bool = False
    run4: str = OLD
    run6: str = OLD
    lock: bool = False
    back: bool = False
    timer: str = ""
    begin: str = IDLE
    commit: str = IDLE
    asked: str = IDLE
    watched: str = IDLE
    holder: str = ""
    tries: int = 2
    booting: str = IDLE
    reloaded: str = IDLE
    controller: str = "ready"
    told: str = ""
    up: bool = True
    frozen: bool = False
    kills: int = 1
    cuts: int = 1
    flips: int = 2
    reloads: int = 1
    freezes: int = 0


Step = tuple[str, State]


def successors(s: State, rules: Rules, *, shuts_out: bool) -> Iterator[Step]:
    """Every step from ``s``, with its name.

    Args:
        s: the state.
        rules: what the protocol rests on.
        shuts_out: the new rules let no SSH in.
    """
    if not s.booting:
        yield from _begin(s, rules)
        yield from _commit(s, rules)
        yield from _revert(s, rules, "asked")
        yield from _revert(s, rules, "watched")
        yield from _timer(s)
        yield from _recovery(s, rules, "reloaded")
        yield from _controller(s, reachable=s.up and not (shuts_out and NEW in (s.run4, s.run6)))
    else:
        yield from _boot(s, rules)
    yield from _gives_up(s)
    yield from _faults(s, rules)


# -- begin.sh ------------------------------------------------------------------------------------


def _begin(s: State, rules: Rules) -> Iterator[Step]:
    def to(what: str, after: str, **changes: object) -> Step:
        return f"begin: {what}", s._replace(begin=after, **changes)  # type: ignore[arg-type]

    match s.begin:
        case "lock":  # begin.sh: take_lock "$run" "$who"
            yield to("locks", "make", lock=True)
        case "make":  # begin.sh: mkdir "$dir"
            yield to("makes a folder", "hold", folder=True)
        case "hold" if not s.holder or not rules.flock:  # begin.sh: hold "$dir" 1
            yield to("keeps others out", "own", holder=s.holder or "begin")
        case "own" if not s.lock:  # begin.sh: [ "$(lock_run)" = "$run" ] || fail
            yield to("has lost the lock", IDLE, holder=_let_go(s, "begin"))
        case "own":
            yield to("has the lock", "unit")
        case "unit" | "arm" if s.frozen:  # begin.sh: fail preflight; give_up
            timer = "" if s.timer == "set" else s.timer
            yield to("gives up", IDLE, holder=_let_go(s, "begin"), lock=False, timer=timer)
        case "unit":  # begin.sh: snapshot … check_parts; install_recovery "$dir"; sync
            yield to("installs recovery", "timer", unit=rules.recovery)
        case "timer" if rules.armed_first:  # begin.sh: arm "$run" "$seconds"
            yield to("starts the timer", "arm", timer="set" if rules.timer else "")
        case "timer":  # only where the change comes first
            yield to("waits with the timer", "apply4")
        case "arm" if rules.armed_first:  # begin.sh: true >"$dir/armed"; sync "$dir"
            yield to("arms", "apply4", mark="armed")
        case "arm":
            yield to("arms at last", "answer", mark="armed", timer="set")
        case "apply4":  # iptables-change.sh, ipt_apply: iptables-restore -w 5 --noflush <"$1/v4"
            yield to("applies IPv4", "apply6", run4=NEW)
        case "apply6":  # iptables-change.sh: ip6tables-restore -w 5 --noflush <"$1/v6"
            yield to("applies IPv6", "answer" if rules.armed_first else "arm", run6=NEW)
        case "answer":  # begin.sh: exec 9<&-; printf '%s\n' "$said"
            yield to("answers", IDLE, holder=_let_go(s, "begin"), told=_told(s, "begin", "applied"))


# -- commit.sh -----------------------------------------------------------------------------------


def _commit(s: State, rules: Rules) -> Iterator[Step]:
    def to(what: str, after: str, **changes: object) -> Step:
        return f"commit: {what}", s._replace(commit=after, **changes)  # type: ignore[arg-type]

    def answer(what: str, said: str) -> Step:
        told = _told(s, "commit", said)
        return to(what, IDLE, told=told, holder=_let_go(s, "commit"))

    claim = "claim" if rules.claim_first else "early4"
    match s.commit:
        case "hold":  # runs.sh, take_up: hold "$1" 30
            if not s.holder or not rules.flock:
                yield to("waits its turn", claim, holder=s.holder or "commit")
        case "early4":  # only where saving comes first
            yield to("saves IPv4 unclaimed", "early6", saved4=NEW)
        case "early6":
            yield to("saves IPv6 unclaimed", "claim", saved6=NEW)
        case "claim" if s.frozen:  # commit.sh: ! move "$dir" armed claimed
            yield answer("cannot claim", "lost")
        case "claim" if s.mark != "armed" or s.back:  # commit.sh: ! move "$dir" armed claimed
            yield answer("finds it taken back", "lost")
        case "claim" if rules.atomic_claim:  # commit.sh: move "$dir" armed claimed
            yield to("claims", "save4" if rules.timer_stays else "early disarm", mark="claimed")
        case "claim":  # only where it looks first and then writes
            yield to("sees it armed", "write")
        case "write":
            yield to("claims blindly", "save4", mark="claimed")
        case "save4" | "save6" if s.frozen:
            yield to("cannot save", "unclaim")
        case "done" if s.frozen:  # commit.sh: finish "$dir" claimed "done" && disarm "$run"
            yield to("cannot say that it is done", "answer")
        case "unclaim" if s.frozen:  # commit.sh: if move "$dir" claimed reverting; then
            yield to("keeps its claim", "refuse")
        case "undo" if s.frozen:  # undo.sh, undo_all: undone=no
            yield to("takes back what runs", "refuse", run4=OLD, run6=OLD)
        case "undone" if s.frozen:  # commit.sh: finish "$dir" reverting reverted && disarm "$run"
            yield to("cannot say that it is undone", "refuse")
        case "save4":  # iptables-change.sh, ipt_save; the first file is renamed into place
            yield to("saves IPv4", "save6", saved4=NEW)
            yield to("cannot save", "unclaim")
        case "save6":  # the same, the second one; then undo.sh, save_all: put_owned
            yield to("saves IPv6", "done", saved6=NEW)
            yield to("cannot save", "unclaim")
        case "done":  # commit.sh: finish "$dir" claimed "done"
            yield to("is done", "unit", mark="done")
        case "unit":  # runs.sh, release: remove_recovery
            yield to("removes recovery", "unlock", unit=False)
        case "unlock":  # runs.sh, release: rm -f "$lock"
            yield to("unlocks", "disarm", lock=False)
        case "early disarm":  # only where the timer goes with the claim
            yield to("disarms", "save4", timer="" if s.timer == "set" else s.timer)
        case "disarm":  # commit.sh: disarm "$run"
            yield to("disarms", "answer", timer="" if s.timer == "set" else s.timer)
        case "answer":  # commit.sh: exec 9<&-; printf '%s\n' "$said"
            yield answer("answers", "committed")
        case "unclaim":  # commit.sh: move "$dir" claimed reverting; undo_stubbornly
            yield to("gives up its claim", "undo", mark="reverting")
        case "undo":  # commit.sh: undo_stubbornly "$dir"
            # In one step here; the revert has it command by command.
            yield to("takes it back", "undone", saved4=OLD, saved6=OLD, run4=OLD, run6=OLD)
        case "undone":  # commit.sh: finish "$dir" reverting reverted; disarm "$run"
            timer = "" if s.timer == "set" else s.timer
            yield to("is undone", "refuse", mark="reverted", unit=False, lock=False, timer=timer)
        case "refuse":  # commit.sh: exec 9<&-; printf '%s\n' "$said"
            yield answer("says that it could not save", "lost")


# -- revert.sh, asked for by the controller or started by the timer -------------------------------


def _revert(s: State, rules: Rules, who: str) -> Iterator[Step]:
    at = s.asked if who == "asked" else s.watched
    timer = who == "watched"

    def to(what: str, after: str, **changes: object) -> Step:
        return f"{who}: {what}", s._replace(**{who: after}, **changes)  # type: ignore[arg-type]

    def again(what: str) -> Step:
        if timer:  # watch.sh: sleep "$pause"
            return to(what, "hold", holder=_let_go(s, who))
        return to(what, IDLE, holder=_let_go(s, who), told=_told(s, who, "busy"))

    def over(what: str, **changes: object) -> Step:
        if timer:  # watch.sh: timer && exit
            return to(what, IDLE, holder=_let_go(s, who), timer="", **changes)
        return to(what, IDLE, holder=_let_go(s, who), told=_told(s, who, "reverted"), **changes)

    match at:
        case "hold" if not s.folder:  # revert.sh: [ -d "$dir" ] || nothing
            yield over("finds no run", lock=False, unit=False)
        case "hold" if not s.holder or not rules.flock:  # revert.sh: hold "$dir" "$patience"
            yield to("waits its turn", "win", holder=s.holder or who)
        case "hold" if s.mark == "armed" and s.holder == "commit":
            # revert.sh: hold "$dir" "$patience" || held=no
            yield to("loses its patience", "snatch")
        case "snatch" if s.frozen and timer:
            yield again("comes too late")
        case "snatch" if s.frozen:
            yield to("comes too late", IDLE, told=_told(s, who, "busy"))
        case "snatch" if s.mark == "armed" and rules.atomic_claim:  # revert.sh: move … reverting
            yield to("wins all the same", "undo4", mark="reverting")
        case "snatch" if s.mark == "armed":
            yield to("sees it armed", "write")
        case "snatch" if timer:  # revert.sh: fail busy "another step of this run is still at work"
            yield to("comes too late", "hold" if s.tries else IDLE, tries=max(0, s.tries - 1))
        case "snatch":  # revert.sh: fail busy
            yield to("comes too late", IDLE, told=_told(s, who, "busy"))
        case "reopen" | "relock" if s.frozen:  # revert.sh: again_locked || nothing
            yield over("cannot reopen", lock=False)
        case "win" if (
            s.frozen and s.mark == "armed"
        ):  # revert.sh: held=yes; elif [ -e "$dir/armed" ]
            # revert.sh: true >"$back"
            yield to("takes back what is armed and stays so", "unapply4", back=True)
        case "win" if (
            s.frozen and s.mark == "claimed"
        ):  # revert.sh: move "$dir" claimed reverting || exit 1
            yield again("can neither save nor take back")
        case "finish4" | "finish6" | "finished" if s.frozen:
            yield again("cannot save")
        case "undo4" | "undo6" if s.frozen:  # undo.sh, undo_all: undo_saved "$part" || undone=no
            yield to("cannot restore a file", "unapply4")
        case "undone" if s.frozen or s.mark != "reverting" or NEW in (s.saved4, s.saved6):
            # revert.sh: exit 1
            yield again("cannot say that it is undone")
        case "win" if s.mark == "armed" and rules.atomic_claim:  # move "$dir" armed reverting
            yield to("wins", "undo4", mark="reverting")
        case "win" if s.mark == "armed":  # only where it looks first and then writes
            yield to("sees it armed", "write")
        case "write":
            yield to("wins blindly", "undo4", mark="reverting")
        case "win" if s.mark == "reverting":  # [ -e "$dir/reverting" ]: another one died at it
            yield to("goes on", "undo4")
        case "win" if s.mark == "claimed" and timer:  # revert.sh: save_all "$dir"
            yield to("finishes a commit that died", "finish4")
        case "win" if s.mark == "claimed":  # revert.sh: move "$dir" claimed reverting
            yield to("takes the claim", "undo4", mark="reverting")
        case "win" if s.mark == "done" and not timer:  # revert.sh: again_locked
            yield to("starts a timer again", "relock", timer=s.timer or "set")
        case "relock":  # again_locked: take_lock; install_recovery "$dir"
            yield to("locks again", "reopen", lock=True, unit=rules.recovery)
        case "reopen":  # again_locked: move "$dir" "done" reverting
            yield to("reopens", "undo4", mark="reverting")
        case "win":  # revert.sh: release "$run"
            yield over("finds nothing to do", lock=False, unit=False)
        case "finish4":  # iptables-change.sh, ipt_save
            yield to("saves IPv4", "finish6", saved4=NEW)
        case "finish6":
            yield to("saves IPv6", "finished", saved6=NEW)
        case "finished":  # revert.sh: finish "$dir" claimed "done"
            yield to("is done", "release", mark="done")
        case "undo4":  # undo.sh, undo_all: undo_saved "$part"
            yield to("restores the file of IPv4", "undo6", saved4=OLD)
        case "undo6":
            yield to("restores the file of IPv6", "unapply4", saved6=OLD)
        case "unapply4":  # iptables-change.sh, ipt_unapply: "$_program-restore" -w 5 --noflush
            yield to("takes IPv4 back", "unapply6", run4=OLD)
        case "unapply6":
            yield to("takes IPv6 back", "undone", run6=OLD)
        case "undone":  # revert.sh: finish "$dir" reverting reverted
            yield to("is undone", "release", mark="reverted")
        case "release":  # runs.sh, release: remove_recovery
            yield to("removes recovery", "unlock", unit=False)
        case "unlock":  # runs.sh, release: rm -f "$lock"
            changes = {} if timer else {"timer": "" if s.timer == "set" else s.timer}
            yield over("unlocks", lock=False, **changes)


def _timer(s: State) -> Iterator[Step]:
    if s.timer == "set":  # systemd: --on-active; watch.sh starts revert.sh
        yield "timer: fires", s._replace(timer="fired", watched="hold")


# -- recover.sh ----------------------------------------------------------------------------------


def _recovery(s: State, rules: Rules, who: str) -> Iterator[Step]:
    at = s.booting if who == "booting" else s.reloaded
    loads = "load" if who == "booting" else IDLE

    def to(what: str, after: str, **changes: object) -> Step:
        return f"{who}: {what}", s._replace(**{who: after}, **changes)  # type: ignore[arg-type]

    match at:
        case "look" if s.lock and rules.boot_is_told:  # recover.sh: if [ -L "$lock" ]
            yield to("sees that this is no boot", loads)
        case "look" if s.frozen:  # a boot with a disk that takes no writes: nothing can be done
            yield to("can do nothing", loads)
        case "save4" | "save6" | "done" | "undo4" | "undo6" | "undone" | "release" if s.frozen:
            yield to("can do no more", loads)
        case "look" if s.mark == "armed":  # recover.sh: move "$dir" armed reverting
            yield to("wins", "undo4", mark="reverting")
        case "look" if s.mark == "claimed":  # recover.sh: save_at_boot "$dir"
            yield to("finishes", "save4")
        case "look" if s.mark == "reverting":  # recover.sh: undo_at_boot "$dir"
            yield to("goes on", "undo4")
        case "look":  # recover.sh: if [ ! "$left" ]; then remove_recovery; fi
            yield to("finds nothing to do", loads, unit=False)
        case "save4":  # undo.sh, save_at_boot: true >"$part/saving"
            yield to("saves IPv4", "save6", saved4=NEW)
        case "save6":
            yield to("saves IPv6", "done", saved6=NEW)
        case "done":  # recover.sh: finish "$dir" claimed "done"
            yield to("is done", "release", mark="done")
        case "undo4":  # undo.sh, undo_at_boot: undo_saved
            yield to("restores the file of IPv4", "undo6", saved4=OLD)
        case "undo6":
            yield to("restores the file of IPv6", "undone", saved6=OLD)
        case "undone":  # recover.sh: finish "$dir" reverting reverted
            yield to("is undone", "release", mark="reverted")
        case "release":  # runs.sh, release
            yield to("removes recovery", loads, unit=False, lock=False)


def _boot(s: State, rules: Rules) -> Iterator[Step]:
    if s.booting == "load":  # netfilter-persistent, iptables.service, firewalld: after recovery
        yield "boot: loads what is saved", s._replace(booting=IDLE, run4=s.saved4, run6=s.saved6)
    else:
        yield from _recovery(s, rules, "booting")


# -- tasks/bring.py, tasks/work.py ---------------------------------------------------------------


def _controller(s: State, *, reachable: bool) -> Iterator[Step]:
    def to(what: str, after: str, **changes: object) -> Step:
        return f"controller: {what}", s._replace(controller=after, told="", **changes)  # type: ignore[arg-type]

    match s.controller:
        case "ready" if reachable:  # bring.py, _attempt: work.begin
            yield to("sends begin", "begin", begin="lock")
        case "begin" if s.told == "applied" and reachable:
            yield to("hears that it is applied", "verify")
        case "verify" if reachable and (s.run4, s.run6) == (NEW, NEW):  # work.py, verify
            yield to("sees it over a new connection", "send")
        case "send" if reachable:  # work.py, commit
            yield to("sends commit", "commit", commit="hold")
        case "commit" if s.told == "committed" and reachable:
            yield to("hears that it is committed", "changed")
        case "commit" if s.told == "lost" and reachable:
            yield to("hears that it is not", "back")
        case "back" if reachable and not s.asked:  # back.py, take_back: _revert
            yield to("asks for the revert", "backing", asked="hold")
        case "backing" if s.told == "reverted" and reachable:
            yield to("hears that it is reverted", "look")
        case "backing" if s.told == "busy" and reachable:
            yield to("hears that another step is at work", "unknown")
        case "look" if reachable:  # back.py, _revert: now = work.ask
            old = (s.run4, s.run6, s.saved4, s.saved6) == (OLD, OLD, OLD, OLD)
            yield to("looks", "reverted" if old else "unknown")


def _gives_up(s: State) -> Iterator[Step]:
    """What a deadline does, or a connection that breaks: at any moment, for there is no time."""
    after = {
        "ready": "failed",
        "begin": "back",
        "verify": "back",
        "send": "back",
        "commit": "back",
        "back": "unknown",
        "backing": "unknown",
        "look": "unknown",
    }.get(s.controller)
    if after:
        yield "controller: gives up waiting", s._replace(controller=after, told="")


# -- what goes wrong -----------------------------------------------------------------------------


def _faults(s: State, rules: Rules) -> Iterator[Step]:
    if s.controller not in ENDS:
        yield "fault: the controller dies", s._replace(controller="dead", told="")
    if s.flips:
        yield "fault: the line", s._replace(up=not s.up, flips=s.flips - 1, told="")
    if s.freezes and not s.booting:
        yield "fault: the disk", s._replace(frozen=not s.frozen, freezes=s.freezes - 1)
    if s.cuts:  # all that is in memory goes; so do the scripts, the lock, the timer
        yield (
            "fault: the power is cut",
            s._replace(
                cuts=s.cuts - 1,
                run4="none",
                run6="none",
                lock=False,
                back=False,
                timer="",
                begin=IDLE,
                commit=IDLE,
                asked=IDLE,
                watched=IDLE,
                reloaded=IDLE,
                holder="",
                told="",
                booting="look" if s.unit else "load",
            ),
        )
    if s.kills:
        for who in ("begin", "commit", "asked", "watched"):
            if getattr(s, who):
                yield f"fault: {who} is killed", _killed(s, who, rules)
    if s.reloads and s.unit and not s.booting:  # the unit is wanted by sysinit.target
        yield (
            "fault: systemd is reloaded and starts something",
            s._replace(reloads=s.reloads - 1, reloaded="look"),
        )


def _killed(s: State, who: str, rules: Rules) -> State:
    """The kernel lets go of its flock; watch.sh starts its revert again."""
    after = s._replace(kills=s.kills - 1, holder=_let_go(s, who), **{who: IDLE})  # type: ignore[arg-type]
    if who != "watched":
        return after
    if s.tries and rules.tries_again:  # watch.sh: sleep "$pause"
        return after._replace(watched="hold", tries=s.tries - 1)
    return after._replace(timer="")


ENDS = frozenset({"changed", "reverted", "unknown", "failed", "dead"})


def _let_go(s: State, who: str) -> str:
    return "" if s.holder == who else s.holder


def _told(s: State, who: str, said: str) -> str:
    """An answer is on its way while the line is up and somebody waits for it."""
    waits = {"begin": "begin", "commit": "commit", "asked": "backing"}[who]
    return said if s.up and s.controller == waits else s.told


# -- what must hold ------------------------------------------------------------------------------

_SAVES = {"save4", "save6", "done"}
_UNDOES = {"undo4", "undo6", "unapply4", "unapply6", "undone"}


def wrong_now(s: State) -> str:
    """What no moment may show; empty where all is well."""
    saving = s.commit in _SAVES or s.watched in {"finish4", "finish6", "finished"}
    undoing = bool({s.asked, s.watched, s.reloaded} & _UNDOES)
    if saving and undoing:
        return "it is both committed and reverted"
    if s.controller == "changed" and s.mark == "":
        return "it is said to be changed and never was"
    return ""


def wrong_at_rest(s: State, *, shuts_out: bool) -> str:
    """What must hold when nobody has a step to take any more; empty where it does."""
    parts = {s.run4, s.run6, s.saved4, s.saved6}
    if len(parts) != 1:
        return f"a mixture: runs {s.run4}/{s.run6}, saved {s.saved4}/{s.saved6}"
    if shuts_out and NEW in parts and s.controller == "changed":
        return "SSH is shut out for good"
    if s.mark in ("armed", "claimed", "reverting"):
        return f"the run is {s.mark} for ever"
    if s.lock and not _stale(s):
        return "the lock is never released"
    if s.controller == "changed" and parts != {NEW}:
        return "it is said to be changed and is not"
    if s.controller == "reverted" and parts != {OLD}:
        return "it is said to be as before and is not"
    return ""


def _stale(s: State) -> bool:
    """Begin died before it changed anything: the next run is told so, and --break-lock takes it."""
    return s.mark == "" and s.timer == ""


@dataclass(frozen=True, slots=True)
class Found:
    """What looking at all states gave.

    Attributes:
        states: how many there are.
        wrong: what does not hold, if anything.
        story: the shortest way there, step by step.
    """

    states: int
    wrong: str = ""
    story: tuple[str, ...] = ()


def explore(rules: Rules, *, shuts_out: bool = False, start: State | None = None) -> Found:
    """Look at every state that can be reached, nearest first, until one is wrong.

    A state is at rest when only a fault could still change it; a deadline is no fault.
    """
    first = start or State()
    came: dict[State, tuple[State, str] | None] = {first: None}
    queue = deque([first])
    while queue:
        state = queue.popleft()
        wrong = wrong_now(state)
        at_rest = True
        for name, after in successors(state, rules, shuts_out=shuts_out):
            if not name.startswith("fault"):
                at_rest = False
            if after not in came:
                came[after] = (state, name)
                queue.append(after)
        if at_rest and not wrong:
            wrong = wrong_at_rest(state, shuts_out=shuts_out)
        if wrong:
            return Found(len(came), wrong, _story(came, state))
    return Found(len(came))


def _story(came: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    steps: list[str] = []
    at: State = state
    while (before := came[at]) is not None:
        at, name = before
        steps.append(name)
    return tuple(reversed(steps))
