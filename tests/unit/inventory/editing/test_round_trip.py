"""Whatever the layout: what comes and goes leaves the same bytes, and nothing else differs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import yamlfile
from inventory.desired import Draining
from inventory.editing.changes import Change
from inventory.editing.draining import Drain
from inventory.editing.filetext import FileText
from inventory.problems import Kind, Owner
from tests.strategies import ipv4_vips, ipv6_vips, vips

many = settings(max_examples=100, deadline=None)
OWNER = Owner(Kind.GROUP, "ams")
spaces = st.sampled_from(["", " ", "  "])
comments = st.sampled_from(["", " # a, b: [c]", "   # 'é' 😀, -"])
own_lines = st.sampled_from(["", "{pad}# - 192.0.2.1\n", "\n", "{pad}# it's\n\n"])


@st.composite
def spelled(draw: st.DrawFn, address: str) -> str:
    """An address as YAML has it; IPv6 quoted."""
    quotes = ["'", '"'] if ":" in address else ["", "'", '"']
    quote = draw(st.sampled_from(quotes))
    return f"{quote}{address}{quote}"


@st.composite
def blocks(draw: st.DrawFn, items: list[str], pad: str) -> str:
    """A list with dashes."""
    inner = pad + draw(st.sampled_from(["", "  ", "    "]))
    gap = draw(st.sampled_from([" ", "   "]))
    text = draw(comments) + "\n"
    for item in items:
        text += draw(own_lines).format(pad=inner) + f"{inner}-{gap}{item}{draw(comments)}\n"
    return text


@st.composite
def brackets(draw: st.DrawFn, items: list[str], pad: str) -> str:
    """A list in brackets, on one line or on several, broken anywhere."""
    inner = pad + "    "
    each_own = draw(st.booleans())
    text = " [" + draw(spaces)
    for place, item in enumerate(items):
        if each_own or draw(st.integers(0, 3)) == 0:
            text = text.rstrip(" ") + draw(comments) + "\n" + draw(own_lines).format(pad=inner)
            text += inner
        last = place + 1 == len(items)
        text += item + draw(spaces)
        text += "" if last and draw(st.booleans()) else "," + draw(spaces)
    if draw(st.booleans()):
        text = text.rstrip(" ") + draw(comments) + "\n" + pad + "  "
    return text + "]" + draw(comments) + "\n"


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A groups.yaml, and the VIPs of ams's service web as they are written."""
    addresses = [str(v) for v in draw(st.lists(vips, min_size=1, max_size=4, unique=True))]
    items = [draw(spelled(address)) for address in addresses]
    pad = " " * 8
    listed = draw(st.one_of(blocks(items, pad), brackets(items, pad)))
    rest = [f"{pad}vips:{listed}", f"{pad}ports:   [80/tcp]\n", f"{pad}mark: 80{draw(comments)}\n"]
    body = "".join(draw(st.permutations(rest)))
    head = draw(st.sampled_from(["", "---\n", "# é😀\n", "%YAML 1.2\n---\n"]))
    before = draw(st.sampled_from(["", "fra: {data: {cluster: fra}}   # b\n\n"]))
    after = draw(st.sampled_from(["", "\n# lon\nlon:\n    data:  {cluster: lon}\n"]))
    text = f"{head}{before}ams:\n  data:\n    services:\n      web:\n{body}{after}"
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    mark = "\ufeff" if draw(st.booleans()) and not head.startswith("%") else ""
    return (mark + text).encode(), addresses


def edited(data: bytes, old: str | None, new: str | None) -> bytes:
    text = FileText(Path("groups.yaml"), "groups.yaml", data, "utf-8")
    return text.changed(Change.of("web", old=old, new=new), [OWNER])[0]


def said(data: bytes) -> list[str]:
    document = yamlfile.decode(data)
    assert not document.faults
    found: list[str] = document.value["ams"]["data"]["services"]["web"]["vips"]
    return found


def lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


@many
@given(files(), vips)
def test_added_and_removed(drawn: tuple[bytes, list[str]], vip: object) -> None:
    data, addresses = drawn
    if str(vip) in addresses:
        return
    added = edited(data, None, str(vip))
    assert said(added) == [*addresses, str(vip)]
    assert edited(added, str(vip), None) == data


@many
@given(files(), st.data())
def test_moved_and_moved_back(drawn: tuple[bytes, list[str]], more: st.DataObject) -> None:
    data, addresses = drawn
    at = more.draw(st.integers(0, len(addresses) - 1))
    old = addresses[at]
    family = ipv6_vips if ":" in old else ipv4_vips
    new = more.draw(family.filter(lambda v: str(v) not in addresses).map(lambda v: v.exploded))
    moved = edited(data, old, new)
    assert said(moved) == [*addresses[:at], new, *addresses[at + 1 :]]
    unlike = [
        place for place, (a, b) in enumerate(zip(lines(data), lines(moved), strict=True)) if a != b
    ]
    assert len(unlike) == 1
    assert edited(moved, new, old) == data


@many
@given(files(), st.data())
def test_removed(drawn: tuple[bytes, list[str]], more: st.DataObject) -> None:
    data, addresses = drawn
    if len(addresses) == 1:
        return
    at = more.draw(st.integers(0, len(addresses) - 1))
    came = edited(data, addresses[at], None)
    assert said(came) == [*addresses[:at], *addresses[at + 1 :]]
    # Comments on lines of their own stay, all of them and in order.
    assert own_comments(came) == own_comments(data)


def drains(data: bytes, vip: str, how: Draining | None) -> bytes:
    text = FileText(Path("groups.yaml"), "groups.yaml", data, "utf-8")
    return text.changed(Drain.of("web", vip, how), [OWNER])[0]


def said_to_drain(data: bytes) -> dict[str, str]:
    document = yamlfile.decode(data)
    assert not document.faults
    found: dict[str, str] = document.value["ams"]["data"]["services"]["web"].get("draining", {})
    return found


@many
@given(files(), st.data())
def test_drained_and_not_any_more(drawn: tuple[bytes, list[str]], more: st.DataObject) -> None:
    data, addresses = drawn
    order = more.draw(st.permutations(addresses))
    hows = {vip: more.draw(st.sampled_from(Draining)) for vip in order}
    came = data
    for vip in order:
        came = drains(came, vip, hows[vip])
    assert said_to_drain(came) == {vip: how.value for vip, how in hows.items()}
    assert said(came) == addresses
    kept = [line.rstrip(b"\r") for line in lines(came) if b" draining: " not in line]
    assert kept == [line.rstrip(b"\r") for line in lines(data)]
    assert len(lines(came)) == len(kept) + 1
    for vip in more.draw(st.permutations(addresses)):
        came = drains(came, vip, None)
    assert came == data


@many
@given(files(), st.data())
def test_a_vip_that_goes_drains_no_more(
    drawn: tuple[bytes, list[str]], more: st.DataObject
) -> None:
    data, addresses = drawn
    if len(addresses) == 1:
        return
    gone, *left = more.draw(st.permutations(addresses))
    both = drains(drains(data, gone, Draining.REJECT), left[0], Draining.PASS)
    came = edited(both, gone, None)
    assert said_to_drain(came) == {left[0]: "pass"}
    assert drains(came, left[0], None) == edited(data, gone, None)


def own_comments(data: bytes) -> list[bytes]:
    return [line.strip() for line in lines(data) if line.strip().startswith(b"#")]
