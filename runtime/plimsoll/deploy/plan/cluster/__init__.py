"""Many replicas over hours: traffic, pods that start, autoscalers, nodes that are lost."""
