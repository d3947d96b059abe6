"""The load generator: customers who press a running shop, what they saw, and whether it adds up."""
