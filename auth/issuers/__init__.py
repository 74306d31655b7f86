"""Issuers: authorization servers of others, whose tokens Loci accepts in place of its own."""
