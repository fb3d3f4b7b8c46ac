"""Turns a public knowledge graph into answers, and then into a small model that gives them."""

from limbeck.answers import Answer, Entity
from limbeck.knowledge_base import KnowledgeBase
from limbeck.knowledge_base import open_knowledge_base as open  # noqa: A004

__all__ = ["Answer", "Entity", "KnowledgeBase", "open"]
