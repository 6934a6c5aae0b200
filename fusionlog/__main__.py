"""`python -m fusionlog`."""

from fusionlog.cli.main import main

main()
