"""sanctions-monitor: watches feeds, matches rules, groups stories, alerts once per story."""

__version__ = "0.1.0"
