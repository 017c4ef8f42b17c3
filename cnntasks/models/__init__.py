"""Models: cards, folders, and the store that finds, downloads and verifies them."""
