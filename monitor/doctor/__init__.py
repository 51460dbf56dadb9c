"""Looks at an installation from outside: facts are gathered, then judged, then told.

A new check is a fact in `facts.py`, who gathers it, and a function among the judges.
"""
