"""Training: the loop, the export, and the model folder at its end."""
