"""The memories in files of other programs: pure functions from one record of a file to items and refusals."""
