"""Stored rows -> tables, figures and HTML; imported as `lab.reports`."""
