"""The time ledger, traffic, memory and machine measurements."""
