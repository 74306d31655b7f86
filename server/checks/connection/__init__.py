"""The connection doctor: what a client does to connect, one hop after another, until one fails."""
