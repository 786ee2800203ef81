"""Consent: who agreed to what, on which wording, and whether anything may be sent on it (Art. 7 GDPR, §7 UWG)."""
