"""Training an EAGLE-3 head.

collect   the target answers training sessions; its replies and its hidden states are the data
head      the head as a module, unrolled over its own drafts
trainer   the loop over collected sequences
evaluate  accepted length on held-out sessions in the course of a training
"""
