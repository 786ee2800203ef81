"""``python -m demo_crm``"""

from demo_crm.main import main

main()
