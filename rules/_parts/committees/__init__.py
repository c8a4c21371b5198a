"""Committees elected by approval ballots, and rankings from them."""
