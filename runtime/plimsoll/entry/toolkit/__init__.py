"""Scripts for SageMaker's inference toolkit: model_fn with input_fn, predict_fn, output_fn, or with transform_fn."""
