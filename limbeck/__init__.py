"""Turns a public knowledge graph into answers, and then into a small model that gives them."""
