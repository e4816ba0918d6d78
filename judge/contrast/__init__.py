"""Training pairs by construction: edits of right answers, and ways to decline to answer."""
