"""The read models of the CRM's door."""
