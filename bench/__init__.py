"""The benchmarks: this shop, the lab's way and nginx as the limit, measured in one run."""
