"""How a deployment is watched: what Prometheus scrapes, alerts at the load line, and a dashboard for Grafana."""
