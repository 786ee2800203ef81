"""``python -m consent``"""

from consent.main import main

main()
