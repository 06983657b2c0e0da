"""Headless Chromium, driven over a pipe by its DevTools protocol; nothing but the standard library.

``--remote-debugging-pipe`` reads commands on file descriptor 3 and answers on 4, a JSON object and
a NUL each (chromium: content/browser/devtools/devtools_pipe_handler.cc).
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)
_PATIENCE = 120.0


class Page:
    """One tab.

    Attributes:
        complaints: what the console said, exceptions and refusals of the page's policy included.
        requests: every address that was asked for.
    """

    def __init__(self, send: Callable[..., dict[str, Any]]) -> None:
        self._send = send
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            send(f"{domain}.enable")

    def heard(self, event: dict[str, Any]) -> None:
        """Keep what an event says."""
        match event["method"], event["params"]:
            case "Runtime.exceptionThrown", params:
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled", params:
                self.complaints.append(json.dumps(params["args"]))
            case "Log.entryAdded", params:
                self.complaints.append(params["entry"]["text"])
            case "Network.requestWillBeSent", params:
                self.requests.append(params["request"]["url"])
            case method, _:
                self.events.append(method)

    def open(self, path: Path, fragment: str = "", *, script: bool = True) -> None:
        """Load a file as if it were for the first time."""
        self._send("Emulation.setScriptExecutionDisabled", value=not script)
        # By way of an empty page: to another fragment of the same one would be no load.
        for url in ("about:blank", f"{path.as_uri()}{fragment}"):
            self._load(url)

    def forget(self) -> None:
        """Leave what is shown, and all that it said and asked for."""
        self._load("about:blank")
        self.complaints.clear()
        self.requests.clear()

    def _load(self, url: str) -> None:
        self.events.clear()
        self._send("Page.navigate", url=url)
        self.wait(lambda: "Page.loadEventFired" in self.events)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until ``ready``, or fail."""
        end = time.monotonic() + _PATIENCE
        while not ready():
            assert time.monotonic() < end, "the page does not get there"
            self._send("Runtime.evaluate", expression="0")
            time.sleep(0.02)

    def eval(self, expression: str) -> Any:
        """What an expression comes to, in the page; promises are waited for."""
        answer = self._send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def style(self, *, dark: bool = False, media: str = "") -> None:
        """What the system prefers, and what the page is shown on."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._send("Emulation.setEmulatedMedia", media=media, features=features)

    def size(self, width: int, height: int) -> None:
        """The window's size."""
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def press(self, key: str, code: int, *, text: str = "") -> None:
        """One key, down and up."""
        more = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._send("Input.dispatchKeyEvent", type="keyDown", text=text, **more)
        self._send("Input.dispatchKeyEvent", type="keyUp", **more)

    def type(self, text: str) -> None:
        """Text into whatever has the focus."""
        self._send("Input.insertText", text=text)

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        answer = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self) -> bytes:
        """The page on A4."""
        answer = self._send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(answer["data"])

    def names(self) -> list[tuple[str, str]]:
        """Role and name of everything that assistive software is told of."""
        nodes = self._send("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"] and "role" in node
        ]


class _Pipe:
    """Commands out, answers and events in."""

    def __init__(self, out: int, into: int) -> None:
        self._out, self._into = out, into
        self._number = 0
        self._buffer = b""
        self.hear: Callable[[dict[str, Any]], None] = lambda _: None

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        for message in self._messages():
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            if "method" in message:
                self.hear(message)
        raise AssertionError(f"Chromium went away during {method}")

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _PATIENCE
        while True:
            while b"\0" in self._buffer:
                message, _, self._buffer = self._buffer.partition(b"\0")
                yield json.loads(message)
            ready, _, _ = select.select([self._into], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            data = os.read(self._into, 1 << 20)
            if not data:
                return
            self._buffer += data


def program() -> str:
    """Where Chromium is.

    Raises:
        FileNotFoundError: there is none; `make test` installs Debian's.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("needs Chromium: apt-get install chromium, or `make test`, which does")


@contextmanager
def browser() -> Iterator[Page]:
    """A Chromium of its own with one tab; all of it is gone afterwards."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="lvsfleet-page-", ignore_cleanup_errors=True) as home:
        # bash: it can move descriptors of any number, which sh need not.
        move = f'exec "$@" 3<&{to_read} 4>&{from_write}'
        argv = ["bash", "-c", move, "bash", program(), *_FLAGS, f"--user-data-dir={home}/profile"]
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(
                argv,
                pass_fds=(to_read, from_write),
                env={**os.environ, "HOME": home},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(to_read)
        os.close(from_write)
        try:
            pipe = _Pipe(to_write, from_read)
            target = pipe.send("Target.createTarget", url="about:blank")["targetId"]
            session = pipe.send("Target.attachToTarget", targetId=target, flatten=True)
            tab = session["sessionId"]
            page = Page(lambda method, **params: pipe.send(method, tab, **params))
            pipe.hear = page.heard
            yield page
        finally:
            os.close(to_write)
            os.close(from_read)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
