"""From a profile to a deployment: manifests, instance types that fit, and what a fleet of replicas will do."""
