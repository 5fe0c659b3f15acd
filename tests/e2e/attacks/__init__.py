"""Bad input: a clean error or a close, nobody else disturbed, nothing leaked."""
