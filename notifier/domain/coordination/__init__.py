"""Coordinating outages: which works share one outage, so that people lose power as rarely as possible."""
