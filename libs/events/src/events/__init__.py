"""Domain events of the GDPR services: the contract, and the machinery that keeps, publishes and projects them."""
