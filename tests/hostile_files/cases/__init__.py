"""The corpus: hostile, damaged and odd files, texts, options, databases and terminals."""
