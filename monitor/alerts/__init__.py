"""Whether people are told, whom, and when: pure decisions that return their reason."""
