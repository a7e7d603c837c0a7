"""Runs `python -m stylegan_serving.local_server`."""

from stylegan_serving.local_server import main
from stylegan_tf import commands

if __name__ == '__main__':
    commands.run(main.main)
