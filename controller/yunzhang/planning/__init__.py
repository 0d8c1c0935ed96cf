"""Pure planning: a snapshot in, a plan out. No tables, no clouds, no clock, no randomness."""
