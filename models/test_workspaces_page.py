"""docs/workspaces.md leads from an empty folder to a business that compiles: what the page says is done here."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "workspaces.md"
# A file's name in a line of its own, and its content in the block that follows.
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Walkthrough(unittest.TestCase):
    def test_the_files_of_the_page_make_a_business(self):
        files = dict(FILE.findall(PAGE.read_text()))
        self.assertEqual(set(files), {"gym/data/schema.toml", "gym/data/nudges.toml", "gym/members.py"})
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            for command in [
                [sys.executable, "gym/members.py"],
                [sys.executable, HERE / "train.py", "--workspace", "gym"],
                [sys.executable, HERE / "golden.py", "--workspace", "gym"],
            ]:
                subprocess.run(command, cwd=folder, check=True, capture_output=True)
            gym = Path(folder, "gym")
            evaluation = json.loads((gym / "models" / "evaluation.json").read_text())
            self.assertEqual(evaluation["customers"], 2000)
            check = ["cargo", "run", "--quiet", "--package", "cli", "--", "check", gym]
            checked = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
            self.assertEqual((checked.returncode, checked.stderr), (0, ""))
            self.assertTrue(checked.stdout.startswith("Sound: The gym\n"), checked.stdout)


if __name__ == "__main__":
    unittest.main()
