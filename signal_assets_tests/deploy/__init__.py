"""The files of deploy/: what can be held against them without an engine or a cluster."""
