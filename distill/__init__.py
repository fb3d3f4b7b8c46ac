"""Large to small: the student, its training, the promotion gate."""
