"""What the black-box tests share: a real server as a subprocess, an HTTP client, a counting load."""
