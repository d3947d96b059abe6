"""The benchmarks: this shop, the lab's way, nginx and the bare libraries, measured in turns."""
