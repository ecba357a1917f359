"""The checks of submissions, one module each; two registries say in which order they are made."""
