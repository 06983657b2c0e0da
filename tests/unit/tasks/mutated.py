"""What routers print, spoilt: cut, overwritten, its lines and words doubled and mixed up."""

from __future__ import annotations

import re

from hypothesis import strategies as st

NOISE = (
    *('"', "'", "\\", "\n", "\t", "\0", "\x0c", "\x85", "\u2028", "\udcff", "é", "²", "٣"),
    *("*", ":", "-A", "-", " ", "!", "{", "}", "[", "]", "(", ")", "=", "/", "/33", "@", "&"),
    *("<", ">", "<!--", "0", "-1", "65536", "9" * 20, "0x", "08", "null", "true", "1e999", "::"),
)
_WORD = re.compile(r"\w+")

Edit = tuple[str, float, float, str]
_edits = st.tuples(
    st.sampled_from(("put", "put", "word", "word", "word", "copy", "drop", "swap", "cut")),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(NOISE) | st.text(alphabet=st.characters(codec="utf-8"), max_size=4),
)
spoilings = st.lists(_edits, min_size=1, max_size=8)
"""How a text is spoilt; drawn apart from it, so that one strategy does for texts of all lengths."""


def spoil(text: str, edits: list[Edit]) -> str:
    """The text after these edits, one upon the other."""
    for edit in edits:
        text = _one(text, *edit)
    return text


def _one(text: str, how: str, first: float, second: float, new: str) -> str:
    at = int(first * (len(text) + 1))
    if how == "put":
        return text[:at] + new + text[at + int(second * 6) :]
    if how == "word":
        words = list(_WORD.finditer(text, at)) or list(_WORD.finditer(text))
        if not words:
            return new
        # Another word of it, or something that no router says there.
        other = words[int(second * len(words))].group() if len(new) % 2 else new
        return text[: words[0].start()] + other + text[words[0].end() :]
    if how == "cut":
        return text[:at] if second < 1 / 2 else text[at:]
    lines = text.splitlines(keepends=True) or [""]
    one, two = int(first * len(lines)), int(second * len(lines))
    if how == "swap":
        lines[one], lines[two] = lines[two], lines[one]
    elif how == "copy":
        lines.insert(two, lines[one])
    else:
        del lines[one]
    return "".join(lines)
