"""Attacks by class. Each test names its class, and says in one sentence what must hold."""
