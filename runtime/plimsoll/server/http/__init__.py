"""HTTP/1.1 as the front speaks it, from the socket to a request that the service answers, and back."""
