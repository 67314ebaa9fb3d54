"""Pictures: folders of PNG and JPEG files, arrays and tables of pixels, and what makes them into numbers."""

from nnlite.images.encoding import ImageEncoding
from nnlite.images.loading import ImageDataset, load_images
from nnlite.images.reading import Images, read_images

__all__ = ["ImageDataset", "ImageEncoding", "Images", "load_images", "read_images"]
