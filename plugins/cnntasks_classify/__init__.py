"""Image classification: which of a model's classes a picture shows."""
