"""``python -m subject_access``"""

from subject_access.main import main

main()
