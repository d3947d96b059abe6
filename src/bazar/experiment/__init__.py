"""The lab's experiments: shops of their own, pressed, broken, measured and explained."""
