"""The commands of `gdpr`: one module for each noun."""
