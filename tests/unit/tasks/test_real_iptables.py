"""The real programs, in a network namespace of their own: they take and print what we think."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired
from inventory.rules import AcceptProtocol, Mark, RouterProtocol, Rule, Ruleset
from tasks.backends.iptables_save import parse_dump, parse_rule, render
from tasks.backends.protocol import accepts_of, marks_of
from tasks.plan import plan
from tests.strategies import crowded_rules, crowded_rulesets, rules, rulesets
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import BUILT_IN, IptablesRouter
from tests.unit.tasks.worlds import crowded_states, saved_files

few = settings(max_examples=12, deadline=None, derandomize=True)

FAMILIES = {4: "iptables", 6: "ip6tables"}
NEXT = "# and then"


def alone(script: str) -> str:
    """What a script prints in a network namespace that ends with it.

    Raises:
        subprocess.CalledProcessError: a line of it failed.
    """
    argv = ["unshare", "--net", "sh", "-eu", "-c", script]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", params=["nft", "legacy"])
def variant(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    assert os.geteuid() == 0, "needs root"
    assert shutil.which(f"iptables-{name}-restore"), f"needs iptables-{name}"
    argv = ["unshare", "--net", f"iptables-{name}", "-t", "mangle", "-S"]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    if done.returncode and name == "legacy":
        pytest.skip(f"this kernel has no legacy tables any more: {done.stderr}")
    return name


pytestmark = pytest.mark.lab

both = pytest.mark.parametrize("version", FAMILIES)


def restore(variant: str, version: int, text: str, *options: str) -> str:
    words = " ".join([f"{FAMILIES[version]}-{variant}-restore", *options])
    return f"{words} <<'END'\n{text}END\n"


def save(variant: str, version: int) -> str:
    return f"{FAMILIES[version]}-{variant}-save\necho '{NEXT}'\n"


@both
@few
@given(ruleset=rulesets | crowded_rulesets)
def test_what_is_loaded_comes_back(variant: str, version: int, ruleset: Ruleset) -> None:
    ruleset = ruleset.of_family(version)
    text = ""
    for table, share in (("mangle", marks_of(ruleset)), ("filter", accepts_of(ruleset))):
        lines = ["*" + table, ":OURS - [0:0]", *render("OURS", share), "COMMIT", ""]
        text += "\n".join(lines)
    tables = parse_dump(
        alone(restore(variant, version, text, "--noflush") + save(variant, version))
    )
    for table, share in (("mangle", marks_of(ruleset)), ("filter", accepts_of(ruleset))):
        came = tables[table].of_chain("OURS")
        assert len(came) == len(render("OURS", share))
        assert Ruleset.of(rule for line in came for rule in parse_rule(line) or ()) == share


@st.composite
def spelled(draw: st.DrawFn, rule: Rule) -> str:
    """A line as somebody may type it: other options, other words for the same values."""
    remark = draw(st.sampled_from(["", '-m comment --comment "a \\"b\\" -j DROP"']))
    if isinstance(rule, AcceptProtocol):
        name = draw(st.sampled_from([rule.protocol.value, NUMBERS[rule.protocol]]))
        return f"-A OURS {remark} --protocol {name} -j ACCEPT"
    vip, first, last = rule.vip, rule.ports.first, rule.ports.last
    to = draw(st.sampled_from([f"-d {vip}", f"--dst {vip.exploded}/{vip.max_prefixlen}"]))
    name = draw(st.sampled_from([rule.protocol.value, rule.protocol.value.upper()]))
    ports = f"{first}:{last}" if last > first or draw(st.booleans()) else str(first)
    option = draw(st.sampled_from(["--dport", "--destination-port", "-m multiport --dports"]))
    if "multiport" in option and first == last:
        ports = str(first)
    target = "ACCEPT"
    if isinstance(rule, Mark):
        number, full = rule.mark, f"{rule.mark:#x}/0xffffffff"
        how = draw(st.sampled_from([f"--set-mark {number}", f"--set-mark {number:#x}",
                                    f"--set-xmark {full}", f"--set-mark {full}"]))  # fmt: skip
        target = f"MARK {how}"
    words = [f"-p {name} {option} {ports}", to, remark]
    return f"-A OURS {' '.join(draw(st.permutations(words)))} -j {target}"


NUMBERS = {RouterProtocol.VRRP: "112", RouterProtocol.AH: "51"}


@both
@few
@given(drawn=st.lists(rules | crowded_rules, min_size=3, max_size=20), data=st.data())
def test_what_is_typed_comes_back(
    variant: str, version: int, drawn: list[Rule], data: st.DataObject
) -> None:
    script, wanted = "", Ruleset.of(drawn).of_family(version)
    for table, share in (("mangle", marks_of(wanted)), ("filter", accepts_of(wanted))):
        script += f"{FAMILIES[version]}-{variant} -t {table} -N OURS\n"
        for rule in share:
            line = data.draw(spelled(rule))
            script += f"{FAMILIES[version]}-{variant} -t {table} {line}\n"
    tables = parse_dump(alone(script + save(variant, version)))
    for table, share in (("mangle", marks_of(wanted)), ("filter", accepts_of(wanted))):
        came = [parse_rule(line) for line in tables[table].of_chain("OURS")]
        assert None not in came
        assert Ruleset.of(rule for each in came if each for rule in each) == share


files = st.fixed_dictionaries({path: saved_files() for path in IptablesRouter.paths.values()})
states = crowded_states(Backend.IPTABLES)


@both
@few
@given(saved=files, a=states, b=states)
def test_a_change_and_its_undo_do_what_the_model_of_a_router_does(
    variant: str, version: int, saved: dict[str, str], a: Desired, b: Desired
) -> None:
    saved = {path: as_of_family(text, version) for path, text in saved.items()}
    router = IptablesRouter.booted(saved)
    script = restore(variant, version, router.files[router.paths[version]])
    script += save(variant, version)
    models = [router.running[version].save()]
    for desired in (a, b):
        change = plan(desired, router.observe())
        for folder in ("do", "undo", "do"):
            router.apply(change, folder)
            text = files_of(change).get(f"{folder}/v{version}", "")
            script += restore(variant, version, text, "--noflush") + save(variant, version)
            models.append(router.running[version].save())
        router.commit(change)
    # What was saved, loaded as at boot, is what runs.
    script += restore(variant, version, router.files[router.paths[version]])
    script += save(variant, version)
    models.append(router.running[version].save())
    dumps = alone(script).split(NEXT)[:-1]
    assert [rules_of(text) for text in dumps] == [rules_of(text) for text in models]


def as_of_family(text: str, version: int) -> str:
    """A file that this family's program takes."""
    if version == 4:
        return text
    text = text.replace("icmp-host", "icmp6-adm").replace("icmp-port", "icmp6-port")
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not re.search(r" -[sd] \d+\.", line))


def rules_of(text: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """By table and chain, the rules; chains that are built in count only where they have some."""
    found = {}
    for name, table in parse_dump(text).items():
        for chain in table.chains:
            lines = table.of_chain(chain)
            if lines or chain not in BUILT_IN[name]:
                found[name, chain] = lines
    return found
