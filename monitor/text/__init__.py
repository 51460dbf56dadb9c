"""Text of any origin and script: folded, cleaned, compared, its addresses and dates read."""
