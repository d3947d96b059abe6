"""Run the command line as `python -m bazar`."""

from bazar.cli.main import main

if __name__ == "__main__":
    main()
