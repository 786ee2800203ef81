"""The two ways to sign in: OpenID Connect, and accounts built in for the local stack."""
