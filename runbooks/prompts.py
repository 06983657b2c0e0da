"""Passwords that somebody types, for who has neither a key nor an environment with them."""

from __future__ import annotations


def ask_passwords(*, login: bool, sudo: bool) -> None:
    """Ask for those that are wanted, once for all routers and all that is done with them.

    Args:
        login: the one to log in with.
        sudo: the one for sudo.
    """
    if not (login or sudo):
        return
    import click  # noqa: PLC0415 - nothing else here needs it

    from tasks.connect.passwords import typed  # noqa: PLC0415 - rarely asked for

    if login and typed.login is None:
        typed.give(login=click.prompt("Password to log in", hide_input=True, err=True))
    if sudo and typed.sudo is None:
        typed.give(sudo=click.prompt("Password for sudo", hide_input=True, err=True))
