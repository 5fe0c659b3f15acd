"""Unmodified clients, each as its README shows it."""
