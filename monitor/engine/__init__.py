"""How the lines are driven: here by one process; the lines do not know."""
