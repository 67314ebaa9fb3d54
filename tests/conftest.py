"""Options of the tests."""


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=30, help="how often test_kill.py kills a training (default 30)")
