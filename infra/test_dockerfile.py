"""Tests of the image's recipe. Run from the root of the repository."""

import re
import unittest
from pathlib import Path


class Dockerfile(unittest.TestCase):
    def test_its_bases_are_named_by_digest(self):
        stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", Path("infra/Dockerfile").read_text(), re.MULTILINE)
        known = {name for _, name in stages} | {"scratch"}
        bases = [base for base, _ in stages if base not in known]
        self.assertTrue(bases)
        for base in bases:
            self.assertRegex(base, "@sha256:[0-9a-f]{64}$")

    def test_the_server_is_built_by_the_pinned_compiler(self):
        channel = re.search(r'channel = "([\d.]+)"', Path("rust-toolchain.toml").read_text())[1]
        self.assertIn(f"FROM docker.io/library/rust:{channel}-", Path("infra/Dockerfile").read_text())


if __name__ == "__main__":
    unittest.main()
