"""What Amazon SageMaker asks of a container: /ping, /invocations, and the words of its model server for errors."""
