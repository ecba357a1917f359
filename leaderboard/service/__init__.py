"""The submission service: checkpoints come in over HTTP, are checked, scored and shown."""
