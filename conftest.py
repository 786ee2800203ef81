"""Every package's tests may ask for a real PostgreSQL, broker and mailbox: see `stack.testing`."""

pytest_plugins = ["stack.testing"]
