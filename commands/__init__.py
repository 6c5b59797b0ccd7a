"""The `oms` command line: the top layer, which may use everything."""
