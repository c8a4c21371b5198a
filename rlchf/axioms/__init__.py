"""Axioms: what each changes in a profile, the search for counterexamples, and manipulation."""
