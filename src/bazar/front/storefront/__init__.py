"""The shop that people see in a browser: what its pages are made of."""
