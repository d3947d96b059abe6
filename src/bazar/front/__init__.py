"""The front service: the only public one; it routes requests and holds nothing durable."""
