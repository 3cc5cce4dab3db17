"""A month of a made-up bureau in a minute and a half: its files, its staff, its crew, and the reckoning."""
