"""What Limbeck knows: sources, text to triples, cleaning, the store and its snapshots."""
