"""What Vertex AI asks of a custom container: its routes and {"instances": …} to {"predictions": …}."""
