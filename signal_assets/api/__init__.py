"""The HTTP service: search profiles, prompts, runs and companies for other tools."""
