"""Runs `python -m stylegan_serving.client`."""

import sys

from stylegan_serving.client.main import main

if __name__ == '__main__':
    sys.exit(main())
