"""Downloading a file from the first mirror that has the right content."""

import contextlib
from collections.abc import Callable, Iterable

from nnlite.errors import DataFileError
from nnlite.progress import make_bar

LARGEST = 64 * 2**20  # bytes; the largest file of MNIST has 10 million
TIMEOUT = 20.0  # seconds without an answer


def download(urls: Iterable[str], verify: Callable[[bytes, str], object], progress: bool) -> bytes:
    """Return the content of the first URL whose content passes ``verify``.

    Parameters
    ----------
    urls : iterable of str
        The mirrors, in the order in which they are tried.
    verify : callable
        ``verify(content, url)`` raises DataFileError if the content is wrong.
    progress : bool
        Whether to show a progress bar in a terminal or notebook.

    Raises
    ------
    DataFileError
        If no URL has the right content; the message has one line for each URL.
    """
    from http.client import HTTPException

    failures = []
    for url in urls:
        try:
            content = _fetch(url, progress)
            verify(content, url)
        except DataFileError as error:
            failures.append(str(error))
        except (OSError, HTTPException) as error:
            failures.append(f"{url}: {_reason(error)}")
        else:
            return content
    raise DataFileError("\n  ".join(["cannot be downloaded:", *failures]))


def _fetch(url: str, progress: bool) -> bytes:
    from urllib.request import urlopen

    content = bytearray()
    with urlopen(url, timeout=TIMEOUT) as response:
        size = response.headers.get("Content-Length", "")
        total = int(size) if size.isdigit() else None
        label = url.rpartition("/")[2]
        bar = make_bar(desc=label, total=total, unit="B", unit_scale=True) if progress else None
        with contextlib.nullcontext() if bar is None else bar:
            while block := response.read(2**16):
                content += block
                if len(content) > LARGEST:
                    raise DataFileError(f"{url}: is larger than {LARGEST} bytes")
                if bar is not None:
                    bar.update(len(block))
    return bytes(content)


def _reason(error: Exception) -> str:
    from urllib.error import HTTPError, URLError

    if isinstance(error, HTTPError):
        error.close()  # an HTTPError keeps its connection open
        return str(error)
    return str(error.reason if isinstance(error, URLError) else error) or type(error).__name__
