"""The staff's desk: sign-in, search, Actionpad, administration. It keeps nothing; it asks the services in the member's name."""
