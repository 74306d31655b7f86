"""The commands on memories: imports and exports, erasing for good, merges, golden cases."""
