"""What a small encoder cannot read, by rule: containment, overlap, numbers, dates, negation, spelling."""
