"""One file per version of the tables; what a version did never changes afterwards."""
