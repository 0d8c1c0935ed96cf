"""Waves and the workload moves in them: run, pause, roll back, accept."""
