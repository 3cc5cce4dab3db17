"""A month of a made-up bureau in two minutes: its files, its staff, its crew, and the reckoning."""
