"""Options of the tests."""


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=30, help="kills in test_killed_trainings.py (default 30)")
