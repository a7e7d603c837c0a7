"""Runs `python -m stylegan_serving.studio`."""

from stylegan_serving.studio import main
from stylegan_tf import commands

if __name__ == '__main__':
    commands.run(main.main, errors=main.errors)
