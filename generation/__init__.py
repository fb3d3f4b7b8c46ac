"""Evidence to answer: RAG-Sequence and RAG-Token, the built-in reader, training."""
