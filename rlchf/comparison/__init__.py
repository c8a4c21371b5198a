"""How far voting rules differ on one dataset, for whom, and how sure each result is."""
