"""Erasure: by anonymisation, and by the end of the person's key (Art. 17, 18, 19 GDPR)."""
