"""What the CRM's door answers over HTTP."""
