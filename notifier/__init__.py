"""Tells everybody whom a planned outage or a short load transfer touches: once, in time, and provably."""
