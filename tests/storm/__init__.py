"""Random stress: a load that checks every answer, faults by a seeded schedule, and a reckoning at the end."""
