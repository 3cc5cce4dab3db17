"""The grid as nodes, branches and switches, and what a switching plan does to everybody on it."""
