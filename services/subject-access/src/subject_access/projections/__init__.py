"""What the portal shows, at a glance: one file for each read model."""
