import pytest


@pytest.fixture
def write(tmp_path):
    """``write(content)`` returns the path of a file with this content, text or bytes."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
