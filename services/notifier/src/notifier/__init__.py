"""Notifier: the mails that people receive, each exactly as promised."""
