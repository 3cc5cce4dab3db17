"""Finding good plans for coordinated works with OR-Tools CP-SAT, the extra ``coordination``."""
