"""What scripts written for Azure ML or TensorFlow 1 import and expect."""
