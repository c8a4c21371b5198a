"""Elections with the frozen answers of pref_voting and abcvoting."""
