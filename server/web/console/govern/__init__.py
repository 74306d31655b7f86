"""The pages of usage, the audit, erasure, jobs and health."""
