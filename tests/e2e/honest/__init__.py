"""Honest work, which must pass through the gateway as it passes on a direct connection."""
