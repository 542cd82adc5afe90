"""Everything that touches the network, a key or a disk. No Dagster, no tables."""
