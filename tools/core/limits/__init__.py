"""The limits of callers: requests in a minute, use in a month, and the limits of a plan."""
