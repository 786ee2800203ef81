"""What may happen to consents, kinds of consent and purposes, and what then has happened."""
