"""Model data collection as the script sees it, and the form of what is collected."""
