"""In a process of its own: the setting is for a whole process and for good."""

import subprocess
import sys

_FILMS = """
import resource
from dicom_store.heap import keep_pages

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        films = [bytes(bytearray(512 * 1024)) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
assert keep_pages()
faults()
print(first, faults())
"""


def test_films_that_come_and_go_fetch_no_fresh_pages() -> None:
    said = subprocess.run([sys.executable, "-c", _FILMS], capture_output=True, text=True, check=True).stdout
    before, after = (int(word) for word in said.split())
    assert after < 200, f"{before} page faults before, {after} after"
