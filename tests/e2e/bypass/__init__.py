"""Ways around a gateway, as data. Each is first shown to work on a direct connection."""
