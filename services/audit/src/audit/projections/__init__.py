"""The audit service's read models."""
