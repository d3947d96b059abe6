"""Charts as SVG files: lines and bars, drawn by hand, for light and dark, and for every eye."""
