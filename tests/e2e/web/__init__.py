"""One promise a file, from the client's side to the evidence."""
