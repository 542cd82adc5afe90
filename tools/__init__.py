"""Checks of the repository itself, and what is made of its lock file; no part of the package."""
