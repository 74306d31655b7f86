"""The pages that people see: login, sign-up, consent and connected apps."""
