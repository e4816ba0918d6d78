"""A small supervised judge: how good is a completion, given its reference? Knows nothing of RL."""
