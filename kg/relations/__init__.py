"""Relations that a text states between linked entities."""
