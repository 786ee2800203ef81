"""`python -m stack` is `gdpr`."""

from stack.cli import app

app()
