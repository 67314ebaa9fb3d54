"""Pictures: folders of PNG and JPEG files, arrays and tables of pixels, and what makes them into numbers."""

from nnlite.images.encoding import ImageEncoding
from nnlite.images.loading import load_images
from nnlite.images.reading import Images, read_images

__all__ = ["ImageEncoding", "Images", "load_images", "read_images"]
