"""What our pages and letters say, in each language but English, which is in the code."""
