"""Edits of keepalived.conf, held against what keepalived itself makes of the files.

Each case's files are put before it as they were and as they are after the edit, in namespaces of
their own on a router: what ``keepalived -t`` says must be the same, and the addresses that it dumps
must be those from before and the one that was meant, with all that they are said to have.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lab.fleet import Lab
from tasks.keepalived.files import Files
from tests.unit.tasks.keepalived_edits import Edit, after, edits

ROUTER = "lon2"
IDS = ("lb1", "lb2", "lb3")
MADE = [each for each in edits() if each.comes.startswith("--- ")]

# Interfaces that the cases name; files go where the cases say. A dump is read up to its end, and
# then nobody waits for keepalived to take leave.
_RUN = r"""
set -e
mount -t tmpfs none /etc/keepalived
mount -t tmpfs none /tmp
for n in 0 1 2; do
    ip link add eth$n type veth peer name peer$n
    ip addr add 192.0.2.10$n/24 dev eth$n
    ip link set eth$n up
    ip link set peer$n up
done
python3 -c '
import json, os, pathlib, shutil, signal, subprocess, sys
answers = []
for n, (texts, words) in enumerate(json.load(sys.stdin)):
    for old in pathlib.Path("/etc/keepalived").iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for path, text in texts.items():
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
    test = subprocess.run(["keepalived", "-t", *words], capture_output=True, text=True)
    argv = ["keepalived", "-P", "-d", "-n", "-l", "-D", "-p", f"/tmp/p{n}", "-r", f"/tmp/r{n}"]
    daemon = subprocess.Popen(argv + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, start_new_session=True)
    dump = []
    for line in daemon.stdout:
        dump.append(line)
        if "< Interfaces >" in line:
            break
    os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait()
    answers.append([test.stdout + test.stderr, "".join(dump)])
json.dump(answers, sys.stdout)
'
"""
_TIME = re.compile(r"^.*? \d\d:\d\d:\d\d \d{4}: ")
_ADDRESS = re.compile(r"     (?P<address>[0-9a-f.:]+)(?P<rest>[ /].*)")
_INSTANCE = re.compile(r" VRRP Instance = (?P<name>.*)")
_ATTRIBUTE = re.compile(r"   \S")
_BROADCAST = re.compile(r" brd \S+")

Said = tuple[str, Counter[tuple[str, str, bool, str]]]
"""What ``-t`` says without line numbers; each address: instance, address, excluded, the rest."""


def dumped(text: str) -> Iterator[tuple[str, str, bool, str]]:
    name, excluded, within = "", False, False
    for line in (_TIME.sub("", line) for line in text.splitlines()):
        if match := _INSTANCE.fullmatch(line):
            name = match["name"]
        elif _ATTRIBUTE.match(line):
            excluded, within = "Excluded" in line, "Virtual IP" in line
        elif within and (match := _ADDRESS.fullmatch(line)):
            # keepalived's first process writes between the lines of the second.
            yield name, match["address"], excluded, _BROADCAST.sub("", match["rest"])


@pytest.fixture(scope="module")
def said(lab: Lab) -> dict[str, Said]:
    """What keepalived says of every case's files, by every router's id, asked in one go."""
    jobs = {key(files): job(files) for edit in MADE for each in stages(edit) for files in each}
    argv = ["unshare", "-n", "-m", "sh", "-c", _RUN]
    done = lab.exec(ROUTER, argv, stdin=json.dumps(list(jobs.values())))
    answers = [
        (re.sub(r"Line \d+", "Line N", test), Counter(dumped(dump)))
        for test, dump in json.loads(done.stdout)
    ]
    return dict(zip(jobs, answers, strict=True))


def stages(edit: Edit) -> list[tuple[Files, Files]]:
    """The files before and after, by the eyes of each router that they are meant for."""
    shared = any("@" in text for text in edit.files.texts.values())
    ids = IDS if shared else (edit.files.config_id,)
    done = after(edit.files, edit.made())
    return [(replace(edit.files, config_id=each), replace(done, config_id=each)) for each in ids]


def job(files: Files) -> list[object]:
    return [dict(files.texts), ["-f", files.main, "-i", files.config_id]]


def key(files: Files) -> str:
    return json.dumps(job(files))


@pytest.mark.parametrize("edit", MADE, ids=[each.name for each in MADE])
def test_keepalived_says_what_it_said_and_has_what_was_meant(
    said: dict[str, Said], edit: Edit
) -> None:
    seen = 0
    for before, now in stages(edit):
        (complaints, had), (same_complaints, has) = said[key(before)], said[key(now)]
        assert same_complaints == complaints
        wanted = Counter(had)
        like = str(ip_address(edit.words[-1]))
        there = {name for name, address, *_ in had if address == edit.new}
        for each, count in had.items():
            name, address, excluded, words = each
            if address != like:
                continue
            seen += count
            if edit.words[0] == "remove":
                del wanted[each]
            elif name not in there:
                wanted[name, edit.new, excluded, words] += count
        assert has == wanted
    assert seen
