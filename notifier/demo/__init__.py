"""A month of a made-up bureau in a minute: its files, its staff, its crew, and the reckoning."""
