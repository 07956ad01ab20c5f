"""The objects of Kubernetes: a function for each kind makes its document from the values."""
