"""Targets behind connectors."""
