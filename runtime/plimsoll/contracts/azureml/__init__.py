"""Azure ML's contract: /score, its messages and headers, its API description. What scripts are written for."""
