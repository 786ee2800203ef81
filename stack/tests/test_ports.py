"""Ports: kept for those who are to listen on them, and named with whoever has them."""

import errno
import os
import socket
import sys

import pytest

from stack.ports import LOOPBACK, free_port, holders, is_taken, reserved


def listener(port: int = 0) -> socket.socket:
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((LOOPBACK, port))
    opened.listen(1)
    return opened


def test_on_a_reserved_port_those_may_listen_for_whom_it_is_kept():
    port = free_port()
    with reserved([port]):
        with listener(port):
            assert is_taken(port)
        assert not is_taken(port)


def test_a_reserved_port_is_not_given_to_anybody_else():
    port = free_port()
    if sys.platform == "linux":  # elsewhere a reservation would be in the way of the listener
        with reserved([port]), socket.socket() as somebody, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            somebody.bind((LOOPBACK, port))
    with socket.socket() as somebody:
        somebody.bind((LOOPBACK, port))


def test_a_port_that_is_taken_already_is_no_reason_to_fail():
    with listener() as opened, reserved([opened.getsockname()[1]]):
        assert is_taken(opened.getsockname()[1])


def test_who_listens_and_who_only_has_a_connection_are_told_apart():
    with listener() as opened:
        port = opened.getsockname()[1]
        assert f"(process {os.getpid()})" in str(holders([port])[0])
        with socket.create_connection((LOOPBACK, port)) as connection:
            own = connection.getsockname()[1]
            (holder,) = holders([own])
            assert str(holder).startswith("a connection of ")
            assert holder.pid == os.getpid()
