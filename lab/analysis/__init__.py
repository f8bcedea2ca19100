"""Statistics, the 2x2 effects, the losslessness audit and the summary; reads records only."""
