"""Committees of approval ballots, from which rankings are read."""
