"""Reading a CRM's export file: what is in it, and the messages it amounts to. No network, no database."""
