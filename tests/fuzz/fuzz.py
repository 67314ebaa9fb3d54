"""Coverage-guided fuzzing of a reader: ``python tests/fuzz/fuzz.py model|header|idx|csv [folder] [options]``.

It needs atheris (``pip install atheris``). Useful options, which are libFuzzer's, are ``-max_total_time=600`` and
``-max_len=4096``. It starts from good files and the corpus beside this file; what leads it on goes to the folder. An
input at which a reader does anything but read or refuse stays behind as a file ``crash-...``: put that into the corpus,
which the tests read again.
"""

import os
import sys
import tempfile


def main():
    """Fuzz the reader that the first argument names."""
    import atheris

    kind, arguments = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["nnlite", "zipfile", "csv", "json", "gzip"]):
        import readers

    options = [argument for argument in arguments if argument.startswith("-")]
    folders = [argument for argument in arguments if not argument.startswith("-")] or [tempfile.mkdtemp()]
    for i, content in enumerate(readers.SEEDS[kind]):
        with open(os.path.join(folders[0], f"seed-{i}"), "wb") as file:
            file.write(content)
    atheris.Setup([sys.argv[0], *options, *folders, str(readers.CORPUS / kind)], readers.READERS[kind])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
