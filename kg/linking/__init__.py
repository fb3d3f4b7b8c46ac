"""Mentions in text, and the entities that they name."""
