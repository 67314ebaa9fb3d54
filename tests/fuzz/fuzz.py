"""Coverage-guided fuzzing of a reader: ``python tests/fuzz/fuzz.py model|header|idx|csv [folder] [options]``.

It needs atheris (``pip install atheris``). The options are those of libFuzzer, for example ``-max_total_time=600`` and
``-max_len=4096``. Fuzzing starts from good files and from the corpus beside this script; inputs that reach new code are
written to the folder. An input that is neither read nor refused is written to a file ``crash-...``. Move it into the
corpus, so that the tests read it in future.
"""

import os
import sys
import tempfile


def main():
    """Fuzz the reader named by the first argument."""
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
