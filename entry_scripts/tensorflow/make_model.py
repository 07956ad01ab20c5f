"""Builds a ResNet-50 SavedModel that takes encoded JPEG strings, and a folder of pictures to send.

The weights are random (fixed seed): what it costs is real, what it says about a picture is not.

python entry_scripts/tensorflow/make_model.py OUTPUT_FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.append(str(Path(__file__).resolve().parents[1]))

from making import SEED, make

SIDE_PX = 224
# Left, top, right and bottom as fractions of the picture, then the width in pixels of the file.
CUTS = (
    ((0.0, 0.0, 1.0, 1.0), 640),
    ((0.0, 0.0, 1.0, 1.0), 320),
    ((0.0, 0.0, 0.5, 0.5), 320),
    ((0.25, 0.25, 0.75, 0.75), 224),
    ((0.4, 0.1, 0.9, 0.9), 480),
    ((0.1, 0.3, 0.4, 0.6), 128),
)


def build(out: Path) -> list[str]:
    save_model(out / "model" / "resnet50")
    return ["model/resnet50/saved_model.pb", *write_pictures(out / "requests")]


def save_model(folder: Path) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    module = tf.Module()
    # An attribute, so that the SavedModel finds and keeps the weights.
    module.network = keras.applications.ResNet50(weights=None)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def classify(image_bytes: Any) -> dict[str, Any]:
        pixels = tf.map_fn(decoded, image_bytes, fn_output_signature=tf.TensorSpec([SIDE_PX, SIDE_PX, 3], tf.float32))
        inputs = keras.applications.resnet50.preprocess_input(pixels)
        probabilities = module.network(inputs, training=False)
        return {"classes": tf.argmax(probabilities, axis=1), "probabilities": probabilities}

    tf.saved_model.save(module, str(folder), signatures={"serving_default": classify})


def decoded(jpeg: Any) -> Any:
    import tensorflow as tf

    return tf.image.resize(tf.io.decode_jpeg(jpeg, channels=3), [SIDE_PX, SIDE_PX])


def write_pictures(folder: Path) -> list[str]:
    from PIL import Image
    from sklearn.datasets import load_sample_images

    folder.mkdir()
    samples = load_sample_images()
    names = [Path(name).stem for name in samples.filenames]
    for name, pixels in zip(names, samples.images, strict=True):
        picture = Image.fromarray(pixels)
        for number, (cut, width_px) in enumerate(CUTS, start=1):
            resized(picture, cut, width_px).save(folder / f"{name}-{number}.jpg", quality=90)
    return sorted(f"{folder.name}/{path.name}" for path in folder.iterdir())


def resized(picture: Any, cut: tuple[float, float, float, float], width_px: int) -> Any:
    left, top, right, bottom = cut
    box = (left * picture.width, top * picture.height, right * picture.width, bottom * picture.height)
    part = picture.crop(tuple(int(edge) for edge in box))
    return part.resize((width_px, part.height * width_px // part.width))


if __name__ == "__main__":
    make(__file__, ["tensorflow-cpu", "keras", "scikit-learn", "pillow"], build)
