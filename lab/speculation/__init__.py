"""Drafters, the token tree and its verification; needs models, never engines.

`DRAFTERS` is a literal table, name -> where the function is that makes the drafter. Speculation `none` has no
drafter.
"""

DRAFTERS: dict[str, str] = {
    "ngram": "lab.speculation.ngram:make",
    "draft-model": "lab.speculation.draft_model:make",
    "eagle3": "lab.speculation.eagle3.drafter:make",
}
