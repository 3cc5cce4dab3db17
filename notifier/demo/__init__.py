"""A month of a made-up bureau in about a minute: its files, its staff, its crew, and the reckoning."""
