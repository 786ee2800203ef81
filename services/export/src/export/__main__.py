"""`python -m export`."""

from export.main import main

main()
