"""The operations console, Grafana dashboards and alert rules."""
