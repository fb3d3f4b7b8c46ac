"""Question to evidence: mentions, paths, entity and lexical indexes."""
