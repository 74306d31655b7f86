"""The export of everything that a workspace holds, in the formats that it can be written in."""
