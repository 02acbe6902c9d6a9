"""python3 tests/clients [FILTER...]: these tests, by the runner of tests/e2e, which tells of its options."""
import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.argv[1:] = ["--folder", HERE, *sys.argv[1:]]
runpy.run_path(os.path.join(os.path.dirname(HERE), "e2e"), run_name="__main__")
