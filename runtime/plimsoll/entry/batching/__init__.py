"""`@batch`: requests that wait together run together."""
