"""The default judge: int8 weight differences over the encoder, calibration, recipe, model card."""
