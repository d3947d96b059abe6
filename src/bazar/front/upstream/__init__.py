"""The two services behind the front, asked for data: through the cache, in batches.

It makes no responses, so that the public API and pages can ask in the same way.
"""
