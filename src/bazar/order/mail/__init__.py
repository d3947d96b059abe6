"""Mail to the buyers of orders: how it is said, and how it is sent."""
