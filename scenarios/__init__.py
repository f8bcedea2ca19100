"""Recorded agent sessions and matrix presets; imported as `lab.scenarios`."""
