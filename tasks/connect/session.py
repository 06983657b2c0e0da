"""A connection to one SSH server, through jump hosts where need be: dial, check the key, log in."""

from __future__ import annotations

import math
import threading
import time

from tasks.connect import hostkeys, jump, proxycommand
from tasks.connect.auth import log_in
from tasks.connect.dial import dial
from tasks.connect.library import paramiko
from tasks.connect.passwords import Secret
from tasks.connect.target import Endpoint
from tasks.connect.transport import Transport
from tasks.connect.wire import Stream, Wire
from tasks.errors import HostKeyRefused, NeverReachable, Unreachable

KEEPALIVE = 30  # seconds of silence after which a word is sent, so that no firewall forgets us
_SUPPORTED = paramiko.Transport._preferred_keys  # noqa: SLF001 # they have no public name


def connect(endpoint: Endpoint, *, password: Secret | None) -> Transport:
    """Connect and log in, once.

    Args:
        endpoint: where to, and with which keys.
        password: for the last server; jump hosts are not shown it.

    Raises:
        Unreachable: no connection, or not within ``endpoint.timeout`` seconds.
        HostKeyRefused: its key, or a jump host's, is unknown or not the one on record.
        AuthenticationRefused: it, or a jump host, takes none of the credentials.
    """
    return _connect_until(endpoint, time.monotonic() + endpoint.timeout, password=password)


def _connect_until(endpoint: Endpoint, end: float, *, password: Secret | None = None) -> Transport:
    return _establish(endpoint, _stream(endpoint, end), password=password, end=end)


def _stream(endpoint: Endpoint, end: float) -> Stream:
    if endpoint.jumps:
        return jump.through(endpoint, connect=_connect_until, end=end)
    if endpoint.proxy_command:
        return proxycommand.start(endpoint)
    return dial(endpoint.address, endpoint.port, timeout=max(0.0, end - time.monotonic()))


def _establish(
    endpoint: Endpoint, stream: Stream, *, password: Secret | None, end: float
) -> Transport:
    wire = Wire(stream)
    try:
        wire.deadline = end
        entries = hostkeys.known(endpoint)
        transport = Transport(wire, host_key_algorithms=hostkeys.algorithms(entries, _SUPPORTED))
        try:
            _shake_hands(transport, endpoint, end)
            key = transport.host_key
            hostkeys.check(endpoint, entries, key.get_name(), key.asbytes())
            log_in(transport, endpoint, password=password, end=end)
        except BaseException:
            transport.close()
            raise
    except BaseException:
        wire.close()
        raise
    wire.deadline = math.inf
    transport.set_keepalive(KEEPALIVE)
    return transport


def _shake_hands(transport: Transport, endpoint: Endpoint, end: float) -> None:
    done = threading.Event()
    transport.start_client(event=done)
    if not done.wait(max(0.0, end - time.monotonic())):
        what = "an SSH banner" if not transport.remote_version else "the key exchange"
        raise Unreachable(
            f"{endpoint} accepted the connection, but {what} did not come within "
            f"{endpoint.timeout:g} s",
            "Is it an SSH server, and is the machine well?",
        )
    if transport.is_active():
        return
    error = transport.get_exception()
    text = transport.farewell or str(error or "it closed the connection")
    if "version" in text and not transport.local_kex_init:
        raise NeverReachable(f"{endpoint} does not speak SSH 2: {text}", "Is the port right?")
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        raise NeverReachable(
            f"{endpoint} offers no algorithm in common: {error}",
            "Its sshd_config allows only others: see Ciphers, MACs, KexAlgorithms there",
        )
    if "Signature verification" in text:
        raise HostKeyRefused(f"{endpoint} could not prove that the host key it shows is its own")
    if not transport.remote_version:
        raise Unreachable(
            f"{endpoint} closed the connection before its SSH banner",
            "sshd does that when too many connections start at once (MaxStartups), or when it "
            "bars this address (PerSourcePenalties)",
        )
    raise Unreachable(f"{endpoint} broke off the key exchange: {text}")
