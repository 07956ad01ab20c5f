"""The machine: processes and their clocks and memory, control groups, CPUs. Knows nothing of scoring."""
