"""A stack under a test's control: started, hurt, healed, stopped."""

import pytest

from stack.running_stack import start_stack
from stack.trouble import StackError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def few(scratch):
    stack = start_stack(scratch / "few", only=["export"])
    yield stack
    stack.stop()


def test_it_says_where_everything_is(few):
    assert few.mailbox.mails() == []
    assert set(few.passwords) == {"anna", "dora", "adam", "axel"}
    assert {"postgres", "broker", "mailbox"} <= set(few.names())
    assert few.environment("consent")["DATABASE_URL"].startswith("postgresql://consent:")


def test_what_is_killed_comes_back(few):
    first = few.kill("mailbox")
    few.wait_until_ready("mailbox", limit=60)
    few.mailbox.clear()
    assert few.child("mailbox").pid != first


def test_what_is_frozen_says_nothing_until_it_thaws(few):
    few.freeze("mailbox")
    with pytest.raises(TimeoutError):
        few.mailbox._ask("GET", "/healthz", limit=0.5)
    few.thaw("mailbox")
    assert few.mailbox.mails() == []


def test_what_is_not_there_is_said(few):
    with pytest.raises(StackError) as refused:
        few.kill("nobody")
    assert refused.value.slug == "no-such-child"
