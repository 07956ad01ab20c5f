"""What run() takes: its parameters, and how a request becomes the arguments of a call."""
