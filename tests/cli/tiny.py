"""Small IDX data sets and recipes over them, good ones and broken ones."""

import gzip
import os
import struct

LABELS, IMAGES = 0x801, 0x803
MODEL = """\
model:
  - flatten
  - layer: dense
    name: logits
    units: 10
"""
RECIPE = """\
tenon: 1
name: tiny
data:
  reader: idx
  train_images: {images}
  train_labels: {labels}
{more}{model}loss: {loss}
optimizer: {{type: sgd, lr: 0.1}}
train: {{batch_size: 5, epochs: 1}}
"""


def write(path, data, packed=False):
    data = gzip.compress(data) if packed else data
    with open(path, "wb") as file:
        file.write(data)
    return path


def idx_bytes(magic, dims, body):
    return struct.pack(">I", magic) + b"".join(struct.pack(">I", d) for d in dims) + body


def images(n=20, side=8):
    return idx_bytes(IMAGES, (n, side, side), bytes((i * 37) % 251 for i in range(n * side * side)))


def labels(n=20, classes=10):
    return idx_bytes(LABELS, (n,), bytes(i % classes for i in range(n)))


class Folder:
    """A folder with good data and a recipe; cases break what they need."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path)
        write(self.file("images"), images())
        write(self.file("labels"), labels())

    def file(self, name):
        return os.path.join(self.path, name)

    def recipe(self, name="tiny.yaml", model=MODEL, more="", loss="softmax_cross_entropy",
               images="images", labels="labels", replace=()):
        text = RECIPE.format(model=model, more=more, loss=loss, images=self.file(images),
                             labels=self.file(labels))
        for old, new in replace:
            assert old in text, f"{old!r} is not in the recipe"
            text = text.replace(old, new)
        with open(self.file(name), "w") as file:
            file.write(text)
        return self.file(name)

    def contents(self):
        """Every path below, with what is in it."""
        found = {}
        for root, folders, files in os.walk(self.path):
            for name in folders:
                found[os.path.join(root, name)] = None
            for name in files:
                with open(os.path.join(root, name), "rb") as file:
                    found[os.path.join(root, name)] = file.read()
        return found
