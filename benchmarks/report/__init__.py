"""From samples to tables, a picture and a JSON file."""
