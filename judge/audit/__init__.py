"""What fools a judge: cases whose verdict is known, and properties that hold for any text."""
