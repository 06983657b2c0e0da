"""Connections begun from here, to ports of this machine: answered, refused, or without a way."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from tasks.knock import Knocking, Word

HERE = ip_address("127.0.0.1")


def test_what_becomes_of_each_port() -> None:
    with socket.create_server((str(HERE), 0)) as server, socket.socket() as closed:
        closed.bind((str(HERE), 0))  # bound, so nobody else has it; and it does not listen
        served, refused = ((HERE, each.getsockname()[1]) for each in (server, closed))
        with Knocking([served, refused]) as knocking:
            knocking.wait([served, refused], 60.0)
            assert knocking.has_way
            first = knocking.heard()
            # It goes on: what is to be seen of it elsewhere may be asked for later.
            server.settimeout(60.0)
            for _ in range(3):
                server.accept()[0].close()
        assert first == {served: Word.ANSWERED, refused: Word.REFUSED}


def test_where_there_is_no_way() -> None:
    with Knocking([(ip_address("255.255.255.255"), 80)]) as knocking:
        assert not knocking.has_way
