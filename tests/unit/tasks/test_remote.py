"""The scripts as routers get them: whole, and fit for any POSIX sh."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.remote import PHASES, script

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
SHELLS = {
    name: argv
    for name, argv in {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash"]}.items()
    if shutil.which(argv[0])
}


@pytest.mark.parametrize("phase", PHASES)
def test_shellcheck_finds_nothing_in_what_is_sent(phase: str) -> None:
    # A phase is sent with what another one needs: never called (SC2317, SC2329), unused (SC2034).
    options = ["-s", "sh", "--exclude=SC2317,SC2329,SC2034", "-"]
    done = subprocess.run(
        [SHELLCHECK, *options], input=script(phase), text=True, capture_output=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_sh_can_read_it(shell: str, phase: str) -> None:
    done = subprocess.run(
        [*SHELLS[shell], "-n"], input=script(phase), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
