"""How good: metrics, question sets, baselines, reports."""
