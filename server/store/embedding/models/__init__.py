"""Models that run on this machine: their files, the fetching of them, and the threads that run them."""
