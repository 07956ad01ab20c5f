"""What model data collection costs, and whether it counts right."""
