"""What commands compute: the models and examples they need, scoring and training."""
