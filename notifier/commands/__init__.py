"""The commands of ``notifier``, a module a subject: parse, call one use case, show its answer."""
