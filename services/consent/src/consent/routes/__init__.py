"""The HTTP door: one file for each thing that one can ask about."""
