"""The steps that the lines of `pipeline.py` are made of, each a plain function in a transaction."""
