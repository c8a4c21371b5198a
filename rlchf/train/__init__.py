"""Training: everything that needs torch lives here."""
