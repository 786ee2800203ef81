"""Chaos: a whole stack under load, killed and frozen at random, then looked at from outside for what must hold all the same.

`make chaos` runs it; `storm.weather` is one run. What must hold stands in `invariants` and `models`, each as one function; what is looked
at in `evidence`, which asks no service; what was promised to whoever stood at the doors in `ledger`.
"""
