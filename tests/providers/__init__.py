"""Gateways that speak the providers' wire formats: Alibaba Cloud SMS, JPush, WeChat.

``python -m tests.providers`` runs them as a process of its own; ``gateway.Gateway`` runs them in a test.
Signatures are verified by code of its own: nothing here imports ``channels``.
"""
