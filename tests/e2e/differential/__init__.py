"""The same statements direct and through a gateway: the same answers, message by message."""
