"""What people get to see of a plan: lines on the console, and a page with charts."""
