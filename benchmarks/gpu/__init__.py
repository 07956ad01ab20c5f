"""Everything that is claimed of GPUs, tried on one: ``python -m benchmarks.gpu`` (docs/gpu-proof.md is what it writes).

`claims` says what is claimed, `steps` try it, each in a process of its own with a time limit; `proof` starts them and
keeps what they found, whatever becomes of them.
"""
