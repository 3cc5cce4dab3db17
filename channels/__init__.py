"""One file per provider; each keeps the contract of ``notifier.channel`` and knows nothing else."""
