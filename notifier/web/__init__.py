"""The ways in over HTTP: parse, call one use case, render."""
