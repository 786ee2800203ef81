"""`python -m erasure`."""

from erasure.main import main

main()
