"""Drafters, the token tree and its verification; needs models, never engines.

`DRAFTERS` is a literal table, name -> where the drafter's class is. Speculation `none` has no drafter.
"""

DRAFTERS: dict[str, str] = {"ngram": "lab.speculation.ngram:NgramDrafter"}
