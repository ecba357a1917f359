"""Files as attackers and accidents make them: builders by name, each of which writes one file."""
