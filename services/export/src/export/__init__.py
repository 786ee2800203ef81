"""Export: the copy of a person's data (Art. 15(3), 20 GDPR)."""
