"""The `fusionlog` command."""
