"""Which tests run in one process: those of a file, and all notebooks, as each needs what those before it made."""

import pytest


@pytest.hookimpl(optionalhook=True)  # called for pytest -n; the image has no pytest-xdist
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        """Hands each process a file of tests at a time."""

        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "notebooks" if file.startswith("notebooks/") else file

    return ByFile(config, log)
