"""What the notifier's own events come to."""
