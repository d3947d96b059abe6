"""What the libraries alone cost: three processes that pass purchases on as Bazar's do, no more."""
