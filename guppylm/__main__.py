"""`python -m guppylm` is the `guppylm` command."""

from guppylm.cli import main

main()
