"""The rules of the CRM's door: persons, the records that belong to them, the field catalogue, and what the CRM is told back."""
