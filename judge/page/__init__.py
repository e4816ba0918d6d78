"""Reports as HTML: one file, nothing fetched, text from outside escaped."""
