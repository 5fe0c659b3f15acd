"""The end-to-end harness: real servers, a target under test, a byte-recording client."""
