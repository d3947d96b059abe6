"""Programs that work on a running shop over its API alone; they import no service and no load."""
