"""Everything Dagster sees: assets, checks, jobs, sensors, schedules, resources and tables."""
