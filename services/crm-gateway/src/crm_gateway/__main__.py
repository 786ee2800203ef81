"""`python -m crm_gateway`."""

from crm_gateway.main import main

main()
