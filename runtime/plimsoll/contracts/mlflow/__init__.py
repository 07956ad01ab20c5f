"""MLflow's contract: /invocations and its forms, /ping, /health, /version. What `mlflow models serve` answers."""
