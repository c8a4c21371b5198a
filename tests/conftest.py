"""What every test shares."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on a busy machine make tiny models crawl
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
