"""EAGLE-3 (arXiv 2503.01840): a one-layer head that drafts from the target's own hidden states.

head        the head's weights and its forward
checkpoint  the three layouts in which heads are published, read; the one that vLLM loads, written
grow        the dynamic token tree
drafter     what follows a session with it
"""
