"""What people type: options in, one call of a shop, a table or JSON out.

It may use every room below.
"""
