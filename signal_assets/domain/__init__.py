"""Rules that need nothing but their arguments: no network, no disk, no clock, no tables."""
