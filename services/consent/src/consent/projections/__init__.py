"""What the service knows at a glance: one file for each read model."""
