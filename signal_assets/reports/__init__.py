"""Reports: what was measured, as a page that a person reads."""
