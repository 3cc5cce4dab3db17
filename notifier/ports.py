"""What the use cases need from the world beside them; ``store`` and ``rendering`` provide it."""
